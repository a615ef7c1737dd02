"""``workbench dr``: the catalogue of factors on the command line, its proof and its looks."""
