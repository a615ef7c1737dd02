"""`ImagePipeline`: a camera's rendered images become what that camera, under that light, would have delivered.

    pipeline = ImagePipeline(num_envs, camera, overscan=1.1)  # render with `pipeline.rendered_k`
    pipeline.set("k1", [0, 3], [-0.1, 0.05])
    pipeline.set("exposure", [1], [0.7])
    image = pipeline.apply(rgb, radiance=radiance, seeds=seeds)  # what `pipeline.needs_aov()` names
    corners = project_distorted(points, position, rotation, pipeline.calibration, pipeline.k1)

Order: texture and light on the scene; what is laid under it; lens; blur; exposure and white balance; noise; display
curve; compression. What a row becomes depends on its own settings and inputs alone; a nominal row stays as it was
rendered, bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tasks.camera_spec import CameraSpec
from tasks.imaging import depth as depth_camera
from tasks.imaging.blur import defocus, motion_blur
from tasks.imaging.color import decode, encode
from tasks.imaging.depth import DepthErrors
from tasks.imaging.lens import Lens, calibration, resample, source_pixels
from tasks.imaging.sensor import Sensor, expose, jpeg
from tasks.imaging.settings import Index, NamedSettings, Rows, on_rows
from tasks.imaging.shading import Lighting, relight
from tasks.imaging.surfaces import Surfaces, albedo_scale
from tasks.imaging.textures import Textures, kind_number
from tasks.threads import in_threads

_CPU_PIXELS = 50_000
"""Pixels that a CPU works on at once, about an image, so that all intermediate results stay in its cache."""


@dataclass
class _Rendered(Rows):
    """Arguments of `ImagePipeline.apply`."""

    rgb: torch.Tensor
    radiance: torch.Tensor | None
    albedo: torch.Tensor | None
    normals: torch.Tensor | None
    albedo_scale: torch.Tensor | None = None


@dataclass
class Backdrop(Rows):
    """What is laid under robot and bodies, before the lens."""

    picture: torch.Tensor
    """Display codes ``[N, H, W, 3]`` uint8."""
    shown: torch.Tensor
    """Where ``[N, H, W]``, bool: nowhere in environments without one."""


class ImagePipeline(NamedSettings):
    """Settings of one camera in ``N`` environments, and their effect on its images.

    Settings, a row an environment; see `Lens`, `Lighting`, `Textures`, `Sensor` and `DepthErrors` for what they mean:
        lens: focal_scale, shift [2], k1.
        light: key_intensity, key_color [3], ambient_intensity, shadow_strength, fill_direction [2], fill_intensity.
        bodies: texture [B] (names or numbers of `textures.KINDS`), texture_seed [B], texture_scale [B].
        sensor: exposure, white_balance [2], shot_noise, read_noise, motion_length, motion_angle, defocus, gamma, jpeg.
        depth camera: depth_noise, depth_holes, depth_step, depth_edges, depth_scale.
    """

    def __init__(
        self,
        num_envs: int,
        camera_spec: CameraSpec,
        device: torch.device | str = "cpu",
        *,
        overscan: float = 1.0,
        bodies: int = 0,
    ) -> None:
        """Settings start nominal.

        Args:
            num_envs: ``N``.
            camera_spec: the camera; its images are of this size before and after.
            device: of the images. Settings stay on the host.
            overscan: nominal over rendered focal length; see `lens.overscan_needed`.
            bodies: ``B``, how many bodies can have a texture.
        """
        self.num_envs, self.camera_spec, self.device = num_envs, camera_spec, torch.device(device)
        self.overscan = overscan
        self.lens = Lens.nominal(num_envs)
        self.lighting = Lighting.nominal(num_envs)
        self.textures = Textures.nominal(num_envs, bodies)
        self.sensor = Sensor.nominal(num_envs)
        self.depth_errors = DepthErrors.nominal(num_envs)
        super().__init__(self.lens, self.lighting, self.textures, self.sensor, self.depth_errors)
        # Where each row's pixels are in the rendered image [px]; kept, since lenses change seldom.
        self._source = torch.empty(num_envs, camera_spec.height, camera_spec.width, 2, device=self.device)
        self._outdated = set(range(num_envs))

    def set(self, name: str, rows: Sequence[int], values: Sequence[Any] | torch.Tensor) -> None:
        """Set a value in each of the environments ``rows``: ``[n, ...]``. ValueError if that is not possible."""
        if name == "texture" and not isinstance(values, torch.Tensor):
            values = [[kind_number(kind) for kind in row] for row in values]
        super().set(name, rows, values)
        if name in Lens.NOMINAL:
            self._outdated.update(rows)

    def reset(self, rows: Sequence[int]) -> None:
        """Make everything nominal in the environments ``rows``."""
        super().reset(rows)
        self._outdated.update(rows)

    @property
    def calibration(self) -> torch.Tensor:
        """Calibration ``[N, 3, 3]`` [px] of the images that `apply` returns, which have `k1` besides."""
        return calibration(self.camera_spec.intrinsics(), self.lens).to(self.device)

    @property
    def k1(self) -> torch.Tensor:
        """Radial distortion ``[N]`` of the images that `apply` returns."""
        return self.lens.k1.to(self.device)

    @property
    def rendered_k(self) -> torch.Tensor:
        """Calibration ``[3, 3]`` [px] that images must be rendered with."""
        k = self.camera_spec.intrinsics()
        k[(0, 1), (0, 1)] /= self.overscan
        return k

    def needs_aov(self, rows: Sequence[int] | None = None) -> frozenset[str]:
        """Which of radiance, albedo, normals and surfaces `apply` reads for the environments ``rows`` (None: all)."""
        index = slice(None) if rows is None else list(rows)
        needs: set[str] = set()
        if bool((self.sensor.exposure[index] < 1).any()):
            needs |= {"radiance"}
        if bool(self.textures.active()[index].any()):
            needs |= {"radiance", "surfaces"}
        if bool(self.lighting.active()[index].any()):
            needs |= {"radiance", "albedo", "normals"}
        return frozenset(needs)

    def ignores_rgb(self) -> bool:
        """Whether `apply`, given what `needs_aov` names, starts all rows from their radiance."""
        return bool((self._reshaded() | (self.sensor.exposure < 1)).all())

    def apply(
        self,
        rgb: torch.Tensor,
        radiance: torch.Tensor | None = None,
        albedo: torch.Tensor | None = None,
        normals: torch.Tensor | None = None,
        surfaces: Surfaces | None = None,
        seeds: Sequence[int] | None = None,
        idle: Collection[int] = (),
        backdrop: Backdrop | None = None,
    ) -> torch.Tensor:
        """Images ``[N, H, W, 3]`` uint8; ``rgb`` itself if all is nominal.

        Rows start from their radiance where light or texture change and, if there is one, where the exposure is below
        1: what was too bright for the rendered image then has its shades again. All others start from ``rgb``.

        Args:
            rgb: as rendered, with `rendered_k`: ``[N, H, W, 3]`` uint8.
            radiance: linear light, unclipped ``[N, H, W, 3]``.
            albedo: ``[N, H, W, 3 or 4]`` uint8.
            normals: in the world ``[N, H, W, 3]``.
            surfaces: what is where, for textures.
            seeds: one an environment, for noise.
            idle: environments that nobody looks at; what they get is not said.
            backdrop: what takes the place of the scene, where it is shown; lens and sensor see it as the rest.
        """
        given = {"radiance": radiance, "albedo": albedo, "normals": normals, "surfaces": surfaces}
        reshaded, refracted = self._reshaded(), self._refracted()
        missing = [name for name in self.needs_aov(reshaded.nonzero()[:, 0].tolist()) if given[name] is None]
        if missing:
            raise ValueError(f"present settings of light and textures need {', '.join(sorted(missing))}")
        wanted = torch.ones(self.num_envs, dtype=torch.bool)
        wanted[torch.tensor(list(idle), dtype=torch.long)] = False
        rendered = _Rendered(rgb, radiance, albedo, normals, self._albedo_scale(surfaces, wanted))
        laid = torch.zeros(self.num_envs, dtype=torch.bool)
        if backdrop is not None:
            laid = backdrop.shown.flatten(1).any(1).cpu()
        developed = (refracted | reshaded | self.sensor.active() | laid) & wanted
        from_radiance = reshaded if radiance is None else reshaded | (self.sensor.exposure < 1)
        result = rgb.clone() if bool(developed.any()) else rgb
        self._update_sources()

        def under(rows: list[int], light: torch.Tensor) -> torch.Tensor:
            if backdrop is None:
                return light
            some = backdrop.rows(_index(rows))
            return torch.where(some.shown[..., None], decode(some.picture), light)

        def relit(rows: list[int]) -> None:
            some, lighting = rendered.rows(_index(rows)), self.lighting.rows(_index(rows))
            light = relight(some.radiance, some.albedo, some.normals, some.albedo_scale, lighting)
            result[_index(rows)] = self._develop(rows, under(rows, light), seeds)

        def as_rendered(rows: list[int]) -> None:
            result[_index(rows)] = self._develop(rows, under(rows, decode(rgb[_index(rows)])), seeds)

        in_threads(relit, self._portions(developed & from_radiance))
        in_threads(as_rendered, self._portions(developed & ~from_radiance))
        return jpeg(result, self.sensor.jpeg, wanted)

    def _develop(self, rows: list[int], light: torch.Tensor, seeds: Sequence[int] | None) -> torch.Tensor:
        """What lens and sensor of the environments ``rows`` make of the light of the scene: ``[n, H, W, 3]`` uint8."""
        refracted, sensor = self._refracted()[rows], self.sensor.rows(_index(rows))
        some = None if seeds is None else [seeds[row] for row in rows]
        light = on_rows(
            light,
            refracted,
            lambda light, chosen: resample(light, self._sources([rows[i] for i in chosen.tolist()])),
        )
        light = defocus(light, sensor.defocus)
        light = motion_blur(light, sensor.motion_length, sensor.motion_angle)
        light = expose(light, sensor, some)
        return encode(light, sensor.gamma)

    def apply_labels(self, labels: torch.Tensor) -> torch.Tensor:
        """Depth or segmentation ``[N, H, W]`` or ``[N, H, W, C]``, any type, as the images of `apply` show it."""
        self._update_sources()
        source = self._sources
        return on_rows(
            labels, self._refracted(), lambda some, rows: resample(some, source(rows.tolist()), "nearest")
        )

    def apply_depth(self, depth: torch.Tensor, seeds: Sequence[int] | None = None) -> torch.Tensor:
        """What a depth camera with this lens measures ``[N, H, W]`` [m], errors included; 0 is unknown."""
        errors = self.depth_errors
        depth = self.apply_labels(depth)
        depth = depth_camera.flying_pixels(depth, errors.depth_edges)
        depth = depth_camera.scale(depth, errors.depth_scale)
        depth = depth_camera.noise(depth, errors.depth_noise, seeds)
        depth = depth_camera.quantisation(depth, errors.depth_step)
        return depth_camera.holes(depth, errors.depth_holes, seeds)

    def _refracted(self) -> torch.Tensor:
        return self.lens.active() | (self.overscan != 1.0)

    def _reshaded(self) -> torch.Tensor:
        return self.lighting.active() | self.textures.active()

    def _portions(self, active: torch.Tensor) -> list[list[int]]:
        """The active rows, in portions to be worked on at once."""
        rows: list[int] = active.nonzero()[:, 0].tolist()
        size = max(1, len(rows))
        if self.device.type == "cpu":
            size = max(1, _CPU_PIXELS // (self.camera_spec.width * self.camera_spec.height))
        return [rows[first : first + size] for first in range(0, len(rows), size)]

    def _albedo_scale(self, surfaces: Surfaces | None, wanted: torch.Tensor) -> torch.Tensor | None:
        """Multiplier of the albedo by textures ``[N, H, W, 1]`` of the rows ``wanted``; None if all is plain."""
        textured = self.textures.active() & wanted
        if surfaces is None or not bool(textured.any()):
            return None
        scale = torch.ones_like(surfaces.depth)[..., None]

        def weave(rows: list[int]) -> None:
            index = _index(rows)
            scale[index] = albedo_scale(self.textures.rows(index), surfaces.rows(index), self.rendered_k)

        in_threads(weave, self._portions(textured))
        return scale

    def _update_sources(self) -> None:
        """Work out where the pixels are of every row whose lens has changed."""
        size, k = (self.camera_spec.width, self.camera_spec.height), self.camera_spec.intrinsics()

        def look_up(row: int) -> None:
            self._source[row] = source_pixels(self.lens.rows([row]), k, self.rendered_k, size)[0]

        in_threads(look_up, self._outdated)
        self._outdated.clear()

    def _sources(self, rows: list[int]) -> torch.Tensor:
        """Where the pixels of the environments ``rows`` are in their rendered images ``[n, H, W, 2]`` [px]."""
        return self._source[_index(rows)]


def _index(rows: list[int]) -> Index:
    """A slice where the rows are adjacent: it copies nothing."""
    return slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else rows
