"""Names of backgrounds that are no files; no PyTorch is needed to know them."""

NONE = "none"
CHART = "chart"
"""A test chart, drawn where it is needed: for proofs."""
