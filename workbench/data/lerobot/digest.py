"""`DatasetDigest`: what has to be known of all episodes together, gathered in any number of places and merged.

An episode is checked by itself (`workbench.data.validation.checks`). What only shows between episodes (one that is
there twice, pictures that belong to another) needs little of each: names, hashes, and a thumbnail of each camera.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.data.statistics import ColumnStatistics, PictureStatistics
from workbench.data.thumbnails import TOLERANCE, apart
from workbench.data.validation.checks.run import CHECKS, Check, not_made
from workbench.data.validation.problems import Problem

LOOKS = "pictures are those that were drawn for their episode and camera"


@dataclass(frozen=True)
class Mislaid:
    """Pictures that are not those that were drawn for their episode and camera."""

    file: str
    field: str
    episode: str
    camera: str
    frame: int
    seen: bytes
    """Thumbnail of the picture that is there."""
    distance: float
    """How far it is from the one that was drawn, of 255."""


@dataclass
class DatasetDigest:
    """Of some episodes of a dataset; a whole dataset's is the merged ones of its parts, in their order."""

    episodes: int = 0
    made: dict[str, int] = field(default_factory=dict)
    """How many episodes each check could be put to."""
    columns: ColumnStatistics = field(default_factory=ColumnStatistics)
    pictures: dict[str, PictureStatistics] = field(default_factory=dict)
    places: dict[str, Problem] = field(default_factory=dict)
    """Where each episode is, by its name."""
    numbers: dict[bytes, str] = field(default_factory=dict)
    """Episode by the hash of its numbers."""
    looks: dict[tuple[str, str, int], bytes] = field(default_factory=dict)
    """Thumbnails that were kept of first and last frames, by episode, camera and frame."""
    mislaid: list[Mislaid] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    """Hash of all that an episode is, by its name; see `workbench.data.archive.content`."""
    twice: list[Problem] = field(default_factory=list)
    """Episodes that are there more than once."""

    def add_episode(self, name: str, file: str, where: str, numbers: bytes) -> None:
        """Take note of an episode: where it is, and the hash of its numbers."""
        self.episodes += 1
        self._note(name, Problem(file, where, ""), numbers)

    def _note(self, name: str, place: Problem, numbers: bytes) -> None:
        if name in self.places:
            said = f"episode {name} is in {self.places[name].file}, too"
            self.twice.append(replace(place, field=f"{place.field}/name", message=said))
        elif numbers in self.numbers:
            said = f"episode {name} holds the same numbers as episode {self.numbers[numbers]}: one is a copy"
            self.twice.append(replace(place, message=said))
        self.places.setdefault(name, place)
        self.numbers.setdefault(numbers, name)

    def add_looks(
        self,
        episode: str,
        camera: str,
        kept: Mapping[int, np.ndarray],
        seen: Iterable[tuple[int, np.ndarray]],
        file: str,
        where: str,
    ) -> None:
        """Compare the thumbnails of an episode's pictures, by frame, with those that were kept when it was drawn."""
        for frame in {min(kept, default=0), max(kept, default=0)} & set(kept):
            self.looks[episode, camera, frame] = kept[frame].tobytes()
        for frame, look in seen:
            if frame in kept and (distance := apart(look, kept[frame])) > TOLERANCE:
                self.mislaid.append(Mislaid(file, where, episode, camera, frame, look.tobytes(), distance))
                return  # one frame tells what happened

    def merge(self, other: DatasetDigest) -> None:
        """Take in the digest of the episodes that follow."""
        self.twice += other.twice
        hashes = {name: numbers for numbers, name in other.numbers.items()}
        for name, place in other.places.items():
            self._note(name, place, hashes.get(name, name.encode()))
        self.episodes += other.episodes
        self.made = dict(Counter(self.made) + Counter(other.made))
        self.columns.merge(other.columns)
        for key, seen in other.pictures.items():
            self.pictures.setdefault(key, PictureStatistics()).merge(seen)
        self.looks |= other.looks
        self.mislaid += other.mislaid
        self.contents |= other.contents

    def problems(self) -> Iterator[Problem]:
        """What is wrong between episodes."""
        yield from self.twice
        yield from (Problem(found.file, found.field, self._said(found)) for found in self.mislaid)

    def _said(self, found: Mislaid) -> str:
        seen = np.frombuffer(found.seen, np.uint8)
        kept = (
            (apart(seen, np.frombuffer(look, np.uint8)), episode != found.episode, episode, camera, frame)
            for (episode, camera, frame), look in self.looks.items()
            if (episode, camera, frame) != (found.episode, found.camera, found.frame)
        )
        distance, _, episode, camera, frame = min(kept, default=(255.0, True, "", "", 0))
        begin = f"camera {found.camera} of episode {found.episode}: picture {found.frame} is not the one that was "
        begin += f"drawn for it (its colours are {found.distance:.0f} of 255 from those kept then)"
        if distance > TOLERANCE:
            return f"{begin}, and none that is known"
        if episode == found.episode and camera == found.camera:
            return f"{begin}; it is picture {frame}: its frames are out of order"
        other = "of the same episode" if episode == found.episode else f"of episode {episode}"
        return f"{begin}; it is that of camera {camera} {other}: the two were swapped, or one was copied over the other"

    def unchecked(self) -> list[str]:
        """Sentences about what could not be checked, and why."""
        pictures = Check(LOOKS, lambda _: None, "thumbnails that were kept when they were drawn")
        return not_made(self.made, self.episodes, (*CHECKS, pictures))

    def content_hash(self) -> str:
        """One hash of all episodes, whatever order or files they lie in."""
        whole = hashlib.sha256()
        for name in sorted(self.contents):
            whole.update(f"{name} {self.contents[name]}\n".encode())
        return whole.hexdigest()


def numbers_hash(columns: Mapping[str, np.ndarray], render: int | None) -> bytes:
    """Hash of columns, by name, that tells episodes apart.

    Renderings of one demonstration are the same in all but their number, where nothing of their looks is drawn.
    """
    found = hashlib.blake2b(f"{render}".encode(), digest_size=12)
    for name in sorted(columns):
        value = np.ascontiguousarray(columns[name])
        found.update(f"{name} {value.dtype} {value.shape}".encode())
        found.update(value.tobytes())
    return found.digest()
