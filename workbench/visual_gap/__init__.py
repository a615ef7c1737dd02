"""How far simulated pictures are from real ones of the same states, and which factors would cover the difference.

Pictures of a log and simulated ones of the states that it holds (`matched`) are compared measure by measure, each in a
module of its own; `covering` says what range of which factor holds what was measured.
"""
