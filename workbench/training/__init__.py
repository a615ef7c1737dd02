"""``workbench train`` and ``workbench eval-grounding``: from the archive to a checkpoint, and how well it grounds."""
