"""The catalogue as tests go through it."""

OWN_RANDOMNESS = ("episode.noise_seed", "episode.policy_seed")
"""Seeds of what happens while an episode runs: no factors of the world, but drawn and recorded like some."""
