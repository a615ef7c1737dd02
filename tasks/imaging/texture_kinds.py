"""Which textures there are, by name."""

KINDS = ("plain", "checker", "wood", "stone", "cloth", "noise")
"""Names of the patterns; a kind's number is its place here."""
