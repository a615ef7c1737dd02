"""Proof of the camera factors: pixels against pinhole geometry and the statistics of sensors."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import CUBE, Trial
from robots.rotations import rotation_matrix
from tasks.cameras import look_at, project
from tasks.tabletop.reference import REFERENCE

GREEN = 1


def _front_pose(trial: Trial) -> tuple[torch.Tensor, torch.Tensor]:
    """Calibrated position ``[N, 3]`` and axes ``[N, 3, 3]`` of the front camera."""
    spec = trial.env.cameras["front"]
    eye = torch.tensor([spec.eye]).expand(trial.num_envs, 3)
    return eye, look_at(eye, torch.tensor([spec.target]).expand(trial.num_envs, 3))


def _box_center(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels.amin(1) + pixels.amax(1)) / 2


@check("camera.front_position", "column of the cube in the image", "px", absolute=0.7,
       levels=([0.0, -0.02, 0.0], [0.0, 0.0, 0.0], [0.0, 0.02, 0.0]), cameras=True)  # fmt: skip
def moved_view(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Its corners, projected from where the camera is said to stand."""
    trial.idle(4)
    eye, axes = _front_pose(trial)
    k = trial.env.cameras["front"].intrinsics()
    pixels = project(trial.vertices(CUBE), eye + torch.tensor(values), axes, k)
    return trial.box_center(CUBE)[:, 0], _box_center(pixels)[:, 0]


@check("camera.front_rotation", "row of the cube in the image", "px", absolute=0.7,
       levels=([-0.02, 0.0, 0.0], [0.0, 0.0, 0.0], [0.02, 0.0, 0.0]), cameras=True)  # fmt: skip
def turned_view(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Its corners, projected along the axes that the camera is said to have."""
    trial.idle(4)
    eye, axes = _front_pose(trial)
    k = trial.env.cameras["front"].intrinsics()
    pixels = project(trial.vertices(CUBE), eye, axes @ rotation_matrix(torch.tensor(values)), k)
    return trial.box_center(CUBE)[:, 1], _box_center(pixels)[:, 1]


@check("camera.focal_length", "column of the cube in the image", "px", absolute=0.8, cameras=True)
def scaled_view(trial: Trial, values: Sequence[float]) -> Outcome:
    """Distances from the image's middle grow with the focal length."""
    trial.idle(4)
    spec = trial.env.cameras["front"]
    pixels = project(trial.vertices(CUBE), *_front_pose(trial), spec.intrinsics())
    middle = spec.width / 2
    column = (_box_center(pixels)[:, 0] - middle) * torch.tensor(values) + middle
    return trial.box_center(CUBE)[:, 0], column


@check("camera.principal_point", "column of the cube in the image", "px", absolute=0.8,
       levels=([-4.0, 0.0], [0.0, 0.0], [4.0, 0.0]), cameras=True)  # fmt: skip
def shifted_view(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Everything moves along."""
    trial.idle(4)
    k = trial.env.cameras["front"].intrinsics()
    pixels = project(trial.vertices(CUBE), *_front_pose(trial), k)
    return trial.box_center(CUBE)[:, 0], [
        float(u) + v[0] for u, v in zip(_box_center(pixels)[:, 0], values, strict=True)
    ]


@check("camera.distortion", "distance of the cube from the middle of the wrist camera's image", "px", absolute=1.0,
       levels=(-0.06, 0.0, 0.06), cameras=True)  # fmt: skip
def bent_view(trial: Trial, values: Sequence[float]) -> Outcome:
    """Every corner moves along its radius by 1 + k r^2."""
    position, rotation, _ = REFERENCE.kinematics().forward(trial.env.joint_pos)
    # Near a corner of the image, where lenses bend most.
    spot = position[0] + torch.tensor((0.09, 0.03, 0.0))
    trial.place(CUBE, (float(spot[0]), float(spot[1]), float(spot[2]) - 0.12))
    trial.env.scene.write_data_to_sim()
    trial.env.sim.forward()
    trial.env.scene.update(dt=trial.env.physics_dt)
    mounted, axes = (torch.from_numpy(v).float() for v in REFERENCE.wrist_camera.in_tool(REFERENCE.spec))
    eye = position + rotation @ mounted
    spec = trial.env.cameras["wrist"]
    k = spec.intrinsics()
    pixels = project(trial.vertices(CUBE), eye, rotation @ axes, k)
    middle = torch.tensor((spec.width / 2, spec.height / 2))
    ray = (pixels - middle) / spec.focal_px
    bent = ray * (1 + torch.tensor(values)[:, None, None] * (ray**2).sum(-1, keepdim=True))
    expected = _box_center(bent * spec.focal_px)
    return (trial.box_center(CUBE, "wrist") - middle).norm(dim=1), expected.norm(dim=1)


def table_light(trial: Trial) -> torch.Tensor:
    """Median colour of the table in linear light ``[N, 3]``."""
    picture, mask = trial.picture(), trial.mask("table")
    return torch.stack([image[where].median(0).values for image, where in zip(picture, mask, strict=True)])


@check("camera.exposure", "light from the table, against nominal", "1", relative=0.03, cameras=True)
def exposed_light(trial: Trial, values: Sequence[float]) -> Outcome:
    """Everything is so much brighter, up to where the sensor is full."""
    light = table_light(trial)[:, GREEN]
    return light / light[list(values).index(1.0)], values


BALANCED = [1.0, 1.0]


@check("camera.white_balance", "red light from the table, against nominal", "1", relative=0.03,
       levels=([0.85, 1.0], BALANCED, [1.18, 1.0]), cameras=True)  # fmt: skip
def balanced_light(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Red is so much stronger."""
    light = table_light(trial)[:, 0]
    return light / light[values.index(BALANCED)], [v[0] for v in values]


@check("camera.gamma", "displayed value of the table", "1", absolute=0.006, cameras=True)
def displayed_value(trial: Trial, values: Sequence[float]) -> Outcome:
    """The nominal value to that power."""
    images, mask = trial.env.image("front").float() / 255, trial.mask("table")
    shown = torch.stack([image[where][:, GREEN].median() for image, where in zip(images, mask, strict=True)])
    nominal = float(shown[list(values).index(1.0)])
    return shown, [nominal**v for v in values]


def _noise(trial: Trial) -> tuple[list[float], list[float]]:
    """Standard deviation and mean of the table's green light over two pictures of the same scene."""
    mask = trial.mask("table")
    first = trial.picture()[..., GREEN]
    trial.step()
    second = trial.picture()[..., GREEN]
    spread = [float((a - b)[m].std() / 2**0.5) for a, b, m in zip(first, second, mask, strict=True)]
    return spread, [float(a[m].mean()) for a, m in zip(first, mask, strict=True)]


@check("camera.read_noise", "spread of light between two pictures", "full scale", relative=0.1, absolute=1.5e-3,
       levels=(0.0, 0.01, 0.03), cameras=True)  # fmt: skip
def dark_noise(trial: Trial, values: Sequence[float]) -> Outcome:
    """The same everywhere; in the dark less is displayed, so the table's middle tones are looked at."""
    trial.idle(3)
    return _noise(trial)[0], values


@check("camera.shot_noise", "spread of light between two pictures", "full scale", relative=0.1, absolute=1.5e-3,
       levels=(0.0, 0.03, 0.1), cameras=True)  # fmt: skip
def photon_noise(trial: Trial, values: Sequence[float]) -> Outcome:
    """Grows with the square root of the light."""
    trial.idle(3)
    spread, light = _noise(trial)
    return spread, [v * s**0.5 for v, s in zip(values, light, strict=True)]


def _best(
    candidates: np.ndarray,
    change: Callable[[np.ndarray, float, int], np.ndarray],
    pictures: torch.Tensor,
    sharp: torch.Tensor,
) -> list[float]:
    """The candidate whose change of the sharp picture comes closest to each picture."""
    found = []
    for row, picture in enumerate(pictures):
        errors = [float(np.abs(change(sharp.numpy(), c, row) - picture.numpy()).mean()) for c in candidates]
        found.append(float(candidates[int(np.argmin(errors))]))
    return found


@check("camera.defocus", "width of the blur that explains the picture", "px", absolute=0.16,
       levels=(0.0, 0.5, 1.0, 2.0), cameras=True)  # fmt: skip
def blur_width(trial: Trial, values: Sequence[float]) -> Outcome:
    """The sharp picture, blurred by a Gaussian of another library."""
    trial.idle(3)
    pictures = trial.picture()[..., GREEN]
    sharp = pictures[list(values).index(0.0)]
    candidates = np.arange(0.0, 3.0, 0.1)
    return _best(candidates, lambda p, s, row: ndimage.gaussian_filter(p, s), pictures, sharp), values


@check("camera.motion_blur", "length of the smear that explains the picture", "px", absolute=0.6,
       levels=(0.0, 2.0, 4.0, 8.0), cameras=True)  # fmt: skip
def smear_length(trial: Trial, values: Sequence[float]) -> Outcome:
    """The mean of the sharp picture, moved along the episode's direction by up to half the length either way."""
    trial.idle(3)
    pictures = trial.picture()[..., GREEN]
    sharp = pictures[list(values).index(0.0)]
    angles = trial.env.imaging.pipelines["front"].sensor.motion_angle

    def smeared(picture: np.ndarray, length: float, row: int) -> np.ndarray:
        along = (np.arange(24) + 0.5) / 24 - 0.5
        ways = [
            (np.sin(float(angles[row])) * length * a, np.cos(float(angles[row])) * length * a) for a in along
        ]
        return np.mean([ndimage.shift(picture, way, order=1, mode="nearest") for way in ways], axis=0)

    return _best(np.arange(0.0, 10.0, 0.5), smeared, pictures, sharp), values


@check("camera.jpeg_quality", "greatest difference from the picture compressed elsewhere", "levels", absolute=2.0,
       levels=(100, 80, 40, 10), cameras=True)  # fmt: skip
def compressed(trial: Trial, values: Sequence[int]) -> Outcome:
    """The uncompressed picture through PIL's encoder at that quality."""
    trial.idle(3)
    images = trial.env.image("front").numpy()
    whole, differences = images[list(values).index(100)], []
    for image, quality in zip(images, values, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(whole).save(buffer, "JPEG", quality=quality)
        expected = whole if quality == 100 else np.asarray(Image.open(buffer))
        differences.append(float(np.abs(expected.astype(int) - image.astype(int)).max()))
    return differences, [0.0] * len(values)


@check(
    "camera.frame_latency",
    "age of the picture",
    "control steps",
    absolute=0.0,
    levels=(0, 1, 2, 5),
    cameras=True,
)
def picture_age(trial: Trial, values: Sequence[int]) -> Outcome:
    """The past picture of the moving wrist camera, as an environment without latency shows it, that fits best."""
    past: list[torch.Tensor] = []
    for _ in range(9):
        trial.step(-0.03, joint=0)
        pictures = trial.picture("wrist")
        past.insert(0, pictures[list(values).index(0)])
    errors = torch.stack([(pictures - picture).abs().mean((1, 2, 3)) for picture in past])
    return errors.argmin(0).float(), values


@check("camera.frame_loss", "share of pictures that repeat the one before", "1", absolute=0.25,
       levels=(0.0, 0.3, 0.6), cameras=True)  # fmt: skip
def repeated_pictures(trial: Trial, values: Sequence[float]) -> Outcome:
    """While the arm moves; 40 pictures show a share of 0.3 to within 0.22 at three standard deviations."""
    repeated, last = torch.zeros(trial.num_envs), trial.picture("wrist")
    steps = 40
    for step in range(steps):
        trial.step(0.02 if step % 20 < 10 else -0.02, joint=0)
        picture = trial.picture("wrist")
        repeated += ((picture - last).abs().mean((1, 2, 3)) < 1e-4).float()
        last = picture
    return repeated / steps, values
