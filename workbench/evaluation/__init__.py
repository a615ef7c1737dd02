"""``workbench eval``: a policy on a fixed quota of named episodes."""
