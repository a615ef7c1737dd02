"""What tests of training's streams share."""

VIEWS = ("front", "wrist")
