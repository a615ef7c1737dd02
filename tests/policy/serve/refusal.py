"""What tests of refused messages share."""

import pytest

from policy.serve.codec import Codec
from policy.serve.errors import ProtocolError
from policy.serve.limits import Limits
from tests.policy.serve.frames import CODECS

OPENPI, N15, N16, N17, VLA_EVAL = (
    CODECS[name] for name in ("openpi", "gr00t-n15", "gr00t-n16", "gr00t-n17", "vla-eval")
)


def refusal(codec: Codec, data: object, limits: Limits | None = None) -> str:
    with pytest.raises(ProtocolError) as caught:
        codec.decode(data, limits or Limits())
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence
