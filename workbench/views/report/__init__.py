"""A run as one self-contained HTML page: `write_report`."""

from workbench.views.report.page import write_report

__all__ = ["write_report"]
