"""Names of the splits that tasks make by what they hold out: see `tasks.tabletop.held_out`. Loads nothing else."""

SEEN, UNSEEN_OBJECT, UNSEEN_WORDING, UNSEEN_LOOK = "seen", "unseen_object", "unseen_wording", "unseen_look"
SPLITS = (SEEN, UNSEEN_OBJECT, UNSEEN_WORDING, UNSEEN_LOOK)
"""What an evaluation or a dataset may ask for."""
