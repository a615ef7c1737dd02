"""The ``workbench`` command: its words, its options, and what it says when something is wrong."""
