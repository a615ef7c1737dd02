"""Evaluation and data generation over many processes, devices and machines."""
