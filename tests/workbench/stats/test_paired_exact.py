"""The interval of a paired difference says what McNemar's exact test says, and covers; by enumeration."""

import numpy as np
import pytest
from scipy import stats

from workbench.stats import mcnemar_exact, paired_difference_interval
from workbench.stats.paired_exact import melded_lower


@pytest.mark.parametrize(("confidence", "concordant"), [(0.95, 0), (0.95, 3), (0.95, 300), (0.9, 3)])
def test_it_excludes_no_difference_exactly_where_the_test_rejects(confidence, concordant):
    """All tables of up to 40 discordant pairs of either kind; the mirror images by symmetry."""
    tail = (1 - confidence) / 2
    contradicting = [
        (b, c)
        for b in range(41)
        for c in range(b + 1)
        if b + c + concordant
        and (melded_lower(b, c, b + c + concordant, tail) > 0) != (mcnemar_exact(b, c) < 1 - confidence)
    ]
    assert contradicting == []


def test_tangos_interval_does_contradict_it():
    """Which is why it is not the one that is reported: it excludes 0 at p = 0.065."""
    assert mcnemar_exact(9, 2) > 0.05
    assert paired_difference_interval(30, 9, 2, 9, method="tango")[0] > 0
    assert paired_difference_interval(30, 9, 2, 9)[0] < 0


@pytest.mark.parametrize("n", [7, 20])
def test_it_covers_at_least_as_often_as_it_says_whatever_the_truth(n):
    b, c = (x[np.add.outer(range(n + 1), range(n + 1)) <= n] for x in np.indices((n + 1, n + 1)))
    found = np.array([paired_difference_interval(n - i - j, i, j, 0) for i, j in zip(b, c, strict=True)])
    for discordant in (0.02, 0.1, 0.3, 0.6, 1.0):
        for share in (0.5, 0.6, 0.8, 1.0):
            cells = [discordant * share, discordant * (1 - share), 1 - discordant]
            probability = stats.multinomial.pmf(np.stack([b, c, n - b - c], 1), n, cells)
            truth = cells[0] - cells[1]
            covered = probability[(found[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= found[:, 1])].sum()
            assert covered >= 0.95, (discordant, share)


@pytest.mark.parametrize(("b", "c", "n"), [(9, 2, 50), (2, 9, 50), (5, 0, 50), (30, 10, 1000), (3, 3, 6)])
def test_its_limit_is_the_quantile_of_the_product_of_both_confidence_distributions(b, c, n):
    rng = np.random.default_rng(0)
    draws = 400_000
    share = rng.beta(b, c + 1, draws)
    least = rng.beta(b + c, n - b - c + 1, draws)
    most = rng.beta(b + c + 1, n - b - c, draws) if b + c < n else np.ones(draws)
    expected = np.quantile(np.where(share > 0.5, least, most) * (2 * share - 1), 0.025)
    assert melded_lower(b, c, n, 0.025) == pytest.approx(expected, abs=0.003)
