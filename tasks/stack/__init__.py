"""Put a named object on another one."""
