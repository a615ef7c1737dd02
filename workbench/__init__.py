"""The bench itself: runs, statistics, comparisons and reports; the parts without a simulator import none."""
