"""``workbench serve``: a policy behind a server, in the dialect of whoever wants to ask it."""
