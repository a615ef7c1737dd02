"""Datasets that others made, in LeRobot's or robomimic's layout."""
