"""``workbench generate``: demonstrations simulated, rendered and annotated."""
