"""The gap between simulation and reality: what simulated success says about real success, and what it does not."""
