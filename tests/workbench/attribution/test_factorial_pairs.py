"""Factors that break a policy together are named together, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from tests.workbench.attribution.factorial_runs import analyse
from tests.workbench.planted import Exposure
from workbench.attribution.interactions import CORRECTION, synergy_p

# -- pairs


def weak_together(v):
    return 0.12 if v[Exposure.name] < 0.6 and v["scene.target_size"] == "small" else 0.93


def test_two_factors_that_break_it_together_are_named_with_the_threshold():
    found = analyse(weak_together, 400)
    (pair,) = found["pairs"]
    assert set(pair["factors"]) == {Exposure.name, "scene.target_size"}
    cuts = {cut["factor"]: cut for cut in pair["cuts"]}
    assert cuts["scene.target_size"]["threshold"] == "small"
    low, high = cuts[Exposure.name]["interval"]
    assert low <= 0.6 <= high
    assert high - low < 0.2
    both, elsewhere = pair["cells"]["both"], pair["elsewhere"]
    assert both["interval"][0] <= 0.12 <= both["interval"][1]
    assert elsewhere["interval"][0] <= 0.93 <= elsewhere["interval"][1]
    assert sum(cell["episodes"] for cell in pair["cells"].values()) == 400


def test_two_factors_that_each_break_it_are_no_pair():
    """Independent causes: both are named, and that they are bad together is no news."""

    def rule(v):
        return (
            0.95 * (1.0 if v[Exposure.name] > 0.6 else 0.4) * (1.0 if v["control.action_delay"] <= 4 else 0.4)
        )

    found = analyse(rule, 400)
    assert set(found["breaking"]) == {Exposure.name, "control.action_delay"}
    assert found["pairs"] == []
    assert found["pairs_tested"] > 0


@pytest.mark.parametrize(
    ("count", "rates"),
    [
        ((15, 45, 30, 110), (0.93, 0.93, 0.93, 0.93)),
        ((15, 45, 30, 110), (0.98, 0.98, 0.98, 0.98)),
        ((10, 70, 10, 60), (0.81, 0.9, 0.9, 1.0)),
        ((15, 45, 30, 110), (0.45, 0.45, 0.9, 0.9)),
        ((40, 40, 40, 40), (0.32, 0.5, 0.6, 0.94)),
    ],
)
def test_the_test_of_a_pair_keeps_its_level_under_independent_causes(count, rates):
    rng = np.random.default_rng(0)
    n = np.array(count, float)
    p = [synergy_p(rng.binomial(count, rates).astype(float), n, CORRECTION) for _ in range(3000)]
    assert np.mean(np.array(p) < 0.05) < 0.065


def test_the_test_of_a_pair_agrees_with_brute_force():
    won, count = np.array([4.0, 30.0, 25.0, 80.0]), np.array([20.0, 40.0, 35.0, 90.0])
    grid = np.linspace(0.005, 0.995, 199)
    p1, p2, p3 = np.meshgrid(grid, grid, grid, indexing="ij")
    p0 = p1 * p2 / p3
    valid = p0 < 1
    loglik = np.full(p0.shape, -np.inf)
    cells = list(zip(won, count, (p0, p1, p2, p3), strict=True))
    loglik[valid] = sum(k * np.log(p[valid]) + (n - k) * np.log1p(-p[valid]) for k, n, p in cells)
    rate = won / count
    free = np.sum(won * np.log(rate) + (count - won) * np.log1p(-rate))
    expected = stats.norm.sf(np.sqrt(2 * (free - loglik.max())))
    assert synergy_p(won, count) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("won", "count", "p"),
    [
        ((3, 54, 73, 119), (42, 54, 78, 126), 5.6e-24),  # one cell without a failure
        ((3, 53, 73, 119), (42, 54, 78, 126), 3.6e-22),
        ((0, 54, 78, 126), (42, 54, 78, 126), None),  # nothing but successes and failures
        ((0, 5, 60, 60), (5, 5, 60, 60), None),
    ],
)
def test_a_cell_without_a_failure_is_evidence_like_any_other(won, count, p):
    """Constrained maximum likelihood: over p1, p2 and p3 by a general optimiser, with p0 = p1 p2 / p3."""
    k, n = np.array(won, float), np.array(count, float)

    def log_likelihood(rates):
        return np.sum(special.xlogy(k, rates) + special.xlog1py(n - k, -rates))

    def loss(x):
        p1, p2, p3 = special.expit(x)
        return -log_likelihood(np.array([p1 * p2 / p3, p1, p2, p3])) if p1 * p2 < p3 else 1e6

    starts = ([1.0, 1.0, 2.0], [8.0, 1.0, 8.0], [2.0, 8.0, 8.0], [-2.0, 8.0, 8.0])
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-10, "fatol": 1e-12}
    fits = [optimize.minimize(loss, x, method="Nelder-Mead", options=options) for x in starts]
    deviance = 2 * (log_likelihood(k / n) + min(fit.fun for fit in fits))
    expected = stats.norm.sf(np.sqrt(deviance))
    assert synergy_p(k, n) == pytest.approx(expected, rel=1e-3)
    if p is not None:
        assert synergy_p(k, n) == pytest.approx(p, rel=0.01)


def test_a_pair_is_found_where_nothing_fails_elsewhere():
    """Both factors matter alone a great deal, too; and everything outside their corner succeeds."""

    def rule(v):
        return 0.12 if v["control.action_delay"] >= 2 and v[Exposure.name] < 0.9 else 1.0

    for seed in range(2):
        found = analyse(rule, 300, seed)
        pairs = [set(pair["factors"]) for pair in found["pairs"]]
        assert pairs == [{"control.action_delay", Exposure.name}]
