"""Between a policy and a real arm. Imports neither torch nor a simulator."""
