"""Episodes, and the questions exported of them."""

from __future__ import annotations

import pytest

from tests.workbench.data.made_up import made_up_episode


@pytest.fixture(scope="module")
def episodes():
    return [made_up_episode(k, images=k % 2 == 0) for k in range(4)]
