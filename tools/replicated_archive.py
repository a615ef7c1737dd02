"""Archives as large as wanted, made of a few real episodes: for measuring what depends on their number alone.

Trajectories and annotations keep their lengths. Pictures become tiny, so that the disk and the time suffice; pixels and
calibration follow them. Reported numbers get noise far below any tolerance, since equal ones would make statistics
easier than they are.
"""

from __future__ import annotations

import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from workbench.data.archive.archive import EPISODES, Chunk, chunks
from workbench.data.archive.archive import episodes as archive_episodes
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.archive.hdf5_image import new_image, write_image
from workbench.data.archive.survey import stage
from workbench.data.episode import CameraFrames, DatasetEpisode

CHUNK = 16
"""Episodes a file, as `workbench generate` makes them."""
NOISE = 1e-7
"""Standard deviation of what is added to reported and commanded numbers [m, rad]."""
NOISY = ("measured_joint_pos", "measured_ee_pose", "commanded_joints")
"""What nothing else in an episode repeats to the last digit."""


def replicate(source: Path, out: Path, episodes: int, picture_px: int) -> None:
    """Make an archive of ``episodes`` episodes, in turns those of ``source``, pictures ``picture_px`` [px] wide."""
    rng = np.random.default_rng(0)
    (out / EPISODES).mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.hdf5"
        _write_template(source, template, picture_px)
        with h5py.File(template, "r") as file:
            originals = len(file["data"])
            for first in range(0, episodes, CHUNK):
                image = new_image()
                image.attrs.update(file.attrs)
                image.create_group("data").attrs.update(file["data"].attrs)
                lines = []
                for index in range(first, min(first + CHUNK, episodes)):
                    demo = f"data/demo_{index - first}"
                    file.copy(f"data/demo_{index % originals}", image, demo)
                    lines.append(_rename(image[demo], index, rng))
                image["lines"] = np.frombuffer("".join(lines).encode(), np.uint8)
                write_image(image, out / EPISODES / f"chunk-{first // CHUNK:05d}.hdf5")


def _write_template(source: Path, path: Path, picture_px: int) -> None:
    """One chunk of all of an archive's episodes, their pictures shrunk."""
    found = chunks(stage(source))
    with Chunk(found[0]) as chunk:
        env_name = chunk.env_name
    with ChunkWriter(path, env_name) as writer:
        for episode in archive_episodes(stage(source)):
            writer.add(_shrunk(episode, picture_px))


def _rename(demo: h5py.Group, index: int, rng: np.random.Generator) -> str:
    """Make a copied episode one of its own; gives its line."""
    meta = json.loads(demo["meta"][()].tobytes())
    meta |= {"name": f"{index:06d}-00", "render": 0}
    meta["record"]["index"] = index
    del demo["meta"]
    demo["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    demo.attrs["name"] = meta["name"]
    for name in NOISY:
        values = demo[f"trajectory/{name}"]
        values[...] = values[()] + rng.normal(0, NOISE, values.shape)
    frames = len(demo["trajectory/frame_steps"])
    line = {"index": index, "name": meta["name"], "render": 0, "kept": True, "frames": frames}
    return json.dumps(line) + "\n"


def _shrunk(episode: DatasetEpisode, width: int) -> DatasetEpisode:
    return replace(episode, cameras={name: _small(camera, width) for name, camera in episode.cameras.items()})


def _small(camera: CameraFrames, width: int) -> CameraFrames:
    scale = width / camera.width
    height = round(camera.height * scale / 2) * 2
    pictures = []
    for jpeg in camera.jpeg:
        buffer = io.BytesIO()
        Image.open(io.BytesIO(jpeg)).convert("RGB").resize((width, height)).save(buffer, "JPEG", quality=80)
        pictures.append(buffer.getvalue())
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2] *= scale
    pixels = {
        name: getattr(camera, name) * np.float32(scale)
        for name in ("boxes", "grasp", "contact", "place", "trace")
    }
    images = dict.fromkeys(("depth", "mask"))
    return replace(
        camera, width=width, height=height, jpeg=tuple(pictures), intrinsics=intrinsics, **pixels, **images
    )
