"""Training InternVLA-M1: objectives, phases, and a loop that a kill does not disturb.

The core knows nothing of files of data: it asks a `policy.m1.training.batches.Source` for rows by number.
"""
