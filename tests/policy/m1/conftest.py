"""Published runs to import."""

import pytest

from policy.m1.import_published import import_published
from tests.policy.m1.importing import CHOICES
from tests.policy.m1.published import (
    published_tensors,
    write_qwen,
    write_run,
)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    return write_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def tensors():
    return published_tensors()


@pytest.fixture(scope="module")
def imported(qwen, tensors, tmp_path_factory):
    return import_published(write_run(tmp_path_factory.mktemp("run"), tensors), qwen, CHOICES)
