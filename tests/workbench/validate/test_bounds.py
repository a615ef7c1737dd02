import pytest
import scipy

from workbench.validate.bounds import bounded, episodes_for, line_of, most_line, rate_line
from workbench.validate.requirements import load_requirements
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS

SUCCESS = load_requirements("")["success"]
"""At least 0.8."""


def test_a_bound_errs_in_at_most_one_of_twenty() -> None:
    """One-sided: at the true rate, how often does the lower bound lie above it?"""
    for rate in (0.5, 0.8, 0.95):
        wrong = sum(
            float(scipy.stats.binom.pmf(k, 20, rate)) for k in range(21) if bounded(k, 20, 0.95)[0] > rate
        )
        assert wrong <= 0.05


@pytest.mark.parametrize(
    ("k", "n", "state", "said"),
    [
        (14, 14, PASS, "lower bound 0.807"),
        (13, 13, FAIL, "0.8 is not shown; at this rate 14 would"),
        (10, 20, FAIL, "shown to be below 0.8"),
        (16, 20, FAIL, "0.8 is not shown"),
        (0, 0, NOT_EVALUATED, "there is no"),
    ],
)
def test_a_rate_passes_only_where_its_bound_does(k: int, n: int, state: str, said: str) -> None:
    line = rate_line(SUCCESS, k, n, 0.95, "episodes", ())
    assert line.state == state
    assert said in line.sentence


def test_how_many_episodes_would_show_it_is_the_least_number() -> None:
    assert episodes_for(0.8, 0.8, 0.95) is None, "no number does at the threshold itself"
    n = episodes_for(0.9, 0.8, 0.95)
    assert n is not None
    assert bounded(int(0.9 * n), n, 0.95)[0] >= 0.8


def test_a_number_at_its_threshold_passes() -> None:
    asked = load_requirements("")["limiter"]
    assert most_line(asked, 0.1, "", ()).state == PASS
    assert most_line(asked, 0.1001, "", ()).state == FAIL
    assert line_of(asked).state == NOT_EVALUATED
