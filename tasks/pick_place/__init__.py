"""Put a named object on or in a named receptacle, among distractors."""
