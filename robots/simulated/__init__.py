"""What simulated robots have in common: from a description to USD, from USD to an Isaac Lab articulation."""
