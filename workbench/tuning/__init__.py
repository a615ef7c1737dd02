"""How far can each factor go before the policy fails? Ranges found automatically, by simulation.

`adr` is the search, pure; `ranges` translates between its positions and factor sets; `quota` makes it a run that can
be killed and goes on; `tune` is the command.
"""
