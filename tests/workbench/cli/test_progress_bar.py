"""Long jobs tell how far they are, on terminals and in logs."""

import io

import pytest
from rich.console import Console

from workbench.cli import progress_bar as module
from workbench.cli.progress_bar import LINE_EVERY_S, progress_bar, rate


@pytest.fixture
def clock():
    """Seconds that the test lets pass."""
    return [0.0]


def lines_of(clock, monkeypatch, *, terminal, transient=False):
    """What is printed while ten of forty things are done, ten seconds each."""
    out = io.StringIO()
    made = module._Progress.__init__
    monkeypatch.setattr(
        module._Progress, "__init__", lambda self, *c, **o: made(self, *c, get_time=lambda: clock[0], **o)
    )
    with progress_bar(Console(file=out, force_terminal=terminal, width=120), transient) as bar:
        task = bar.add_task("episodes", total=40, note="")
        for done in range(1, 11):
            clock[0] += 10.0
            bar.update(task, advance=1, note=f"{done}/{done} kept")
        return out.getvalue().splitlines()


@pytest.mark.parametrize("transient", [False, True])
def test_a_log_gets_a_line_a_minute(clock, monkeypatch, transient):
    lines = lines_of(clock, monkeypatch, terminal=False, transient=transient)
    assert lines == ["episodes: 6 of 40, 6/6 kept, 0:01:00 gone, about 0:05:40 left"]
    assert clock[0] < 2 * LINE_EVERY_S


def test_a_terminal_gets_no_lines(clock, monkeypatch):
    assert not any(" gone" in line for line in lines_of(clock, monkeypatch, terminal=True))


def test_of_a_short_job_whose_bar_goes_a_log_has_nothing():
    out = io.StringIO()
    with progress_bar(Console(file=out, force_terminal=False), transient=True) as bar:
        bar.update(bar.add_task("episodes", total=2, note=""), completed=2)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("done", "seconds", "said"),
    [
        (30, 2, "15 a second"),
        (1, 1, "1 a second"),
        (30, 60, "30 a minute"),
        (2, 3600, "2 an hour"),
        (0, 0, "0 a second"),
    ],
)
def test_a_rate_is_in_a_unit_that_says_something(done, seconds, said):
    assert rate(done, seconds) == said
