"""One episode's questions and answers as entries of a LLaVA file, and the pictures that they are about."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from policy.answer_parser import parse_answer
from policy.answers import coordinates
from workbench.cli.options import OptionError
from workbench.data.archive.archive import ArchiveError
from workbench.data.episode import DatasetEpisode
from workbench.data.qa.options import QaOptions
from workbench.data.qa.questions import Question, questions
from workbench.runs.durable import write_atomically
from workbench.stats import keyed_generator

JPEG_QUALITY = 95
"""Of pictures that had to be scaled."""


def episode_entries(episode: DatasetEpisode, out: Path, options: QaOptions) -> dict[str, Any]:
    """Writes the pictures of an episode's chosen frames below ``out``.

    Returns:
        JSON types: ``entries``, and ``passed``: kind, reason and number of questions that a picture did not allow.

    Raises OptionError for a camera that the episode does not have, ArchiveError for a picture that is none, and
    for an episode without one target and one receptacle.
    """
    wanted = options.camera_names() or tuple(episode.cameras)
    missing = [name for name in wanted if name not in episode.cameras]
    if missing:
        raise OptionError(f"option cameras={options.cameras}: episode {episode.name} has no {missing[0]}")
    roles = [body.role for body in episode.bodies]
    for role in ("target", "receptacle"):
        if roles.count(role) != 1:
            raise ArchiveError(
                f"episode {episode.name} has {roles.count(role)} bodies with the role {role}, not 1"
            )
    entries: list[dict[str, Any]] = []
    passed: Counter[tuple[str, str]] = Counter()
    for frame in chosen_frames(episode.name, len(episode.frame_steps), options.frames, options.seed):
        for camera in wanted:
            asked, left = questions(episode, camera, frame, options)
            passed += left
            if asked:
                image = f"images/{episode.name}/{camera}-{frame:06d}.jpg"
                _write_picture(episode, camera, frame, out / image, options)
                entries += [
                    _entry(episode, camera, frame, number, question, image, options)
                    for number, question in enumerate(asked)
                ]
    return {"entries": entries, "passed": [[*key, count] for key, count in sorted(passed.items())]}


def chosen_frames(name: str, frames: int, count: int, seed: int) -> list[int]:
    """``count`` of an episode's frames, or all if there are fewer: one by chance from each of as many equal parts."""
    if frames <= count:
        return list(range(frames))
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    rng = keyed_generator(seed, f"grounding_qa:{name}")
    return [int(rng.integers(low, high)) for low, high in itertools.pairwise(edges)]


def _write_picture(episode: DatasetEpisode, camera: str, frame: int, path: Path, options: QaOptions) -> None:
    view = episode.cameras[camera]
    where = f"episode {episode.name}, camera {camera}, frame {frame}"
    data = view.jpeg[frame]
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.size != (view.width, view.height):
                raise ArchiveError(
                    f"{where}: the picture has {picture.size} px, not {view.width} x {view.height}"
                )
            seen = options.seen_size(view.width, view.height)
            if picture.size != seen:
                buffer = io.BytesIO()
                scaled = picture.convert("RGB").resize(seen, Image.Resampling.BICUBIC)  # as Qwen's processor
                scaled.save(buffer, "JPEG", quality=JPEG_QUALITY)
                data = buffer.getvalue()
    except OSError as problem:
        raise ArchiveError(f"{where}: the picture cannot be read: {problem}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def _entry(
    episode: DatasetEpisode,
    camera: str,
    frame: int,
    number: int,
    question: Question,
    image: str,
    options: QaOptions,
) -> dict[str, Any]:
    view = episode.cameras[camera]
    seen = options.seen_size(view.width, view.height)
    answer = question.answer.text()
    _check(question, answer, seen)
    return {
        "id": f"{episode.name}/{camera}/{frame:06d}/{number}",
        "image": image,
        "images": [image],
        "conversations": [
            {"from": "human", "value": f"<image>\n{question.text}"},
            {"from": "gpt", "value": answer},
        ],
        "kind": question.kind,
        "ask": question.ask,
        "episode": episode.name,
        "camera": camera,
        "frame": frame,
        "step": int(episode.frame_steps[frame]),
        "image_size": list(seen),
        "camera_size": [view.width, view.height],
    }


def _check(question: Question, text: str, seen: tuple[int, int]) -> None:
    """RuntimeError unless the text reads back as the answer, up to the rounding to whole pixels."""
    reading = parse_answer(text, seen)
    meant = coordinates(question.answer)
    said = coordinates(reading.answer) if type(reading.answer) is type(question.answer) else []
    fits = len(said) == len(meant) and np.allclose(said, meant, rtol=0, atol=0.5)
    if not fits or reading.repairs:
        raise RuntimeError(f"the answer {text!r} to {question.ask!r} reads back as {reading}")
