"""What tests of imported runs share."""

import pytest

from policy.m1.import_published import Choices, PublishedError, import_published

CHOICES = Choices(("front", "wrist"))


def refused(folder, qwen, choices=CHOICES):
    with pytest.raises(PublishedError) as error:
        import_published(folder, qwen, choices)
    return str(error.value)
