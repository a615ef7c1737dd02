"""A tokenizer made from a list of words, for the small model: a word, a pixel and a stroke of an answer are one token.

* Every whole number below `coordinate_bins` is one token: a small model learns places far sooner than digits, and
  the token's text *is* the number, so decoding gives the literal answer shapes that the published model writes.
* The strokes of those shapes, such as ``], "label": "``, are one token each, blanks included.
* Only a blank between two words or numbers is not written down: decoding puts it back.

    tokenizer = build_tokenizer(TokenizerConfig("words", ("red", "cube"), coordinate_bins=224))
    tokenizer.decode(tokenizer('[{"bbox_2d": [1, 20, 30, 220], "label": "red cube"}]').input_ids)    # the same text
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from policy.m1.config import TokenizerConfig

PAD, UNKNOWN = "<|endoftext|>", "<unk>"
TURN_BEGIN, TURN_END = "<|im_start|>", "<|im_end|>"
VISION_BEGIN, VISION_END = "<|vision_start|>", "<|vision_end|>"
IMAGE, VIDEO = "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PAD, UNKNOWN, TURN_BEGIN, TURN_END, VISION_BEGIN, VISION_END, IMAGE, VIDEO)
"""Names as in Qwen2.5's vocabulary, which has no unknown token."""

STROKES = (
    '[{"bbox_2d": [',
    '"}, {"bbox_2d": [',
    '[{"point_2d": [',
    '"}, {"point_2d": [',
    '], "label": "',
    '{"pick": {"bbox_2d": [',
    ']}, "place": {"bbox_2d": [',
    "]}}",
    '"}]',
    " <box> [[",
    "]] </box>",
    "]] </box> ",
    "], [",
    "[[",
    "]]",
    "[(",
    "), (",
    ")]",
    ", ",
    ". ",
    ": ",
)
"""Pieces of the answer shapes, and punctuation with its blank."""
PUNCTUATION = (*".,:;!?'\"()[]{}<>/-", "\n")
ROLES = ("system", "user", "assistant")

_BLANK_BEFORE = "▁"
_WORD = "A-Za-z0-9_"


def vocabulary(config: TokenizerConfig) -> list[str]:
    """Every token in the order of its number: special ones, roles, strokes, punctuation, words, numbers.

    Words may hold several words or hyphens; they are taken apart as text is. Raises ValueError for no words.
    """
    if not config.words:
        raise ValueError("a tokenizer of kind 'words' needs words")
    words = [piece for text in config.words for piece in re.findall(f"[{_WORD}]+", text.lower())]
    numbers = [str(i) for i in range(config.coordinate_bins)]
    listed = [*SPECIAL, *ROLES, *STROKES, *PUNCTUATION, *words, *numbers]
    return list(dict.fromkeys(listed))


def build_tokenizer(config: TokenizerConfig) -> PreTrainedTokenizerFast:
    """The tokenizer of a configuration of kind ``words``. Text is put in lower case; unknown words become ``<unk>``."""
    tokens = vocabulary(config)
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    longest_first = sorted(STROKES, key=len, reverse=True)
    pieces = [*map(re.escape, longest_first), rf"[{_WORD}]+", r"\n", r"[^\s]"]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(pieces)), "removed", invert=True),
        ]
    )
    # Each word announces a blank before it, which counts only after another word.
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex(f"^(?=[{_WORD}])"), _BLANK_BEFORE),
            decoders.Fuse(),
            decoders.Replace(Regex(f"(?<![{_WORD}]){_BLANK_BEFORE}"), ""),
            decoders.Replace(_BLANK_BEFORE, " "),
        ]
    )
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    tokenizer.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=TURN_END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def coordinate_tokens(tokenizer: PreTrainedTokenizerFast, bins: int) -> list[int]:
    """Token numbers of the coordinates 0 to ``bins`` less one; ValueError if one is not a token of its own."""
    numbers: Sequence[int] = tokenizer.convert_tokens_to_ids([str(i) for i in range(bins)])
    if tokenizer.unk_token_id in numbers:
        raise ValueError(f"the tokenizer has no token for each number below {bins}")
    return list(numbers)
