"""The signed-rank test against enumeration and against SciPy's."""

import itertools

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from workbench.policy_check.signed_rank import signed_rank


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_p_is_the_share_of_all_signs_that_lean_as_far(differences):
    d = np.array([x for x in differences if x], float)
    if not len(d):
        assert signed_rank(np.array(differences)).p == 1.0
        return
    ranks = scipy.stats.rankdata(np.abs(d))
    least = min(ranks[d > 0].sum(), ranks[d < 0].sum())
    sums = [np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=len(d))]
    share = np.mean([s <= least + 1e-9 for s in sums])
    assert signed_rank(np.array(differences, float)).p == pytest.approx(min(1.0, 2 * share))


def test_p_is_scipys_where_there_are_no_ties():
    d = np.random.default_rng(1).normal(0.4, 1.0, 20)
    assert signed_rank(d).p == pytest.approx(scipy.stats.wilcoxon(d, method="exact").pvalue)


def test_scenes_that_cannot_be_used_are_left_out():
    d = np.array([1.0, 2.0, np.nan, 3.0, 0.0])
    found = signed_rank(d)
    assert (found.above, found.below, found.count) == (3, 0, 3)


@pytest.mark.parametrize(
    ("differences", "leans"), [([1] * 16, 1), ([-1] * 16, -1), ([1, -1] * 8, 0), ([0] * 16, 0)]
)
def test_which_way_it_leans(differences, leans):
    assert signed_rank(np.array(differences, float)).leans(0.001) == leans


def test_errs_no_more_often_than_it_says():
    rng = np.random.default_rng(2)
    wrong = [signed_rank(rng.normal(size=24)).leans(0.05) != 0 for _ in range(2000)]
    assert np.mean(wrong) < 0.06
