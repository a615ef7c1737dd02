"""``workbench data validate``: what is wrong with a dataset, and why."""
