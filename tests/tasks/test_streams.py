"""Random numbers of an episode by purpose: as many independent streams as there are names."""

import pytest

from tasks.settings import stream


@pytest.mark.parametrize(
    ("one", "other"),
    [("disturbance.arm", "disturbance.object"), ("delays", "delay"), ("a", "b"), ("12345678", "123456789")],
)
def test_names_that_begin_alike_have_numbers_of_their_own(one, other):
    assert stream(3, one).random(4).tolist() != stream(3, other).random(4).tolist()


def test_a_seed_and_a_name_give_the_same_numbers_again_and_another_seed_others():
    first = stream(3, "disturbance.arm").random(4).tolist()
    assert stream(3, "disturbance.arm").random(4).tolist() == first
    assert stream(4, "disturbance.arm").random(4).tolist() != first
