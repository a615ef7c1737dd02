"""``workbench validate``: everything that is asked of a policy before it moves an arm, and a verdict."""
