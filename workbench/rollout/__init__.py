"""Rolling out a policy in simulation: episodes in, what happened in them out."""
