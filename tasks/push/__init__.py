"""Push a named object over the table until it is beside a named receptacle."""
