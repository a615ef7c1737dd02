"""A table, a robot, cameras and objects on it: everything that does not know what is asked."""
