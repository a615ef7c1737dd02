"""Errors that are the user's to mend are one sentence; the others are bugs."""

from policy.serve.errors import ProtocolError, ServerError
from workbench.cli.expected_errors import sentence_of


def test_what_is_wrong_in_a_conversation_with_a_server_is_told_in_a_sentence():
    assert (
        sentence_of(ProtocolError(("openpi", "prompt"), "it is nil")) == "openpi message['prompt']: it is nil"
    )
    assert sentence_of(ServerError("it failed", "no key")) == "it failed: no key"


def test_a_missing_codec_names_the_extra_that_brings_it():
    said = sentence_of(ModuleNotFoundError("No module named 'msgpack'", name="msgpack"))
    assert said is not None
    assert "pip install '.[serve]'" in said


def test_other_errors_are_bugs():
    assert sentence_of(ValueError("it failed")) is None
