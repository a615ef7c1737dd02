"""``workbench data replay``: a dataset's actions in the simulator."""
