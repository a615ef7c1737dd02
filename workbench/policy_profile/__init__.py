"""``workbench policy profile``: what a policy takes to deploy, in time, memory and success."""
