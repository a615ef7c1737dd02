"""The bench itself: runs, statistics, comparisons and reports; the parts without a simulator import none."""

from workbench.cli.search_path import own_packages_first

own_packages_first()
