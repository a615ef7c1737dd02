"""`Imaging`: what the cameras of each environment deliver, as against what the renderer drew."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tasks.camera_spec import MAX_IMAGE_AGE, CameraSpec
from tasks.imaging.backgrounds import background
from tasks.imaging.passing_hand import draw_hand, hand_mask
from tasks.imaging.pipeline import Backdrop, ImagePipeline
from tasks.imaging.surfaces import Surfaces
from tasks.settings import PerEnvironment, stream
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.command_path import NOISE_STEPS
from tasks.tabletop.disturbances import EARLIEST_S, LATEST_S

FIXED_BODIES = ("table", "floor", "wall", "robot")
"""What can have a texture beside the pool, in this order."""
BODY_GRAIN = (0.006, 0.02)
"""Size of the features of a body's pattern, drawn per episode and body [m]."""
ROOM_GRAIN = (0.02, 0.1)
"""The same for table, floor and wall [m]."""
SETTLING_S = 0.5
"""Time constant with which exposure and white balance settle [s]: webcams take one to two seconds for all of it."""
BURST_STEPS = 6
"""How long a burst of latency holds images up [control steps]."""
CROSSING_S = 1.0
"""How long a hand takes to cross the view of a fixed camera [s]."""
HAND_DEPTH = 0.5
"""How far from the camera it is [m]."""


class Imaging(PerEnvironment):
    """Cameras of ``N`` environments: those settings of `ImagePipeline` that factors name, for all cameras alike.

    Settings of its own:
        object_texture, table_texture, background_texture: number of the pattern, see `tasks.imaging.textures.KINDS`.
        fill_light: strength of a second lamp, against the first one's; its direction is the episode's.
        motion_blur: length of the blur [px]; its direction is the episode's.
        frame_latency: control steps by which images come late.
        frame_loss: probability that a step's image is lost; the one before is shown again.
        latency_jitter: greatest number of control steps by which an image is late besides, anew each step.
        latency_burst: probability that a step begins a burst, in which images stand still for `BURST_STEPS`.
        exposure_settling: gain of an episode's first image against the exposure that it settles to.
        white_balance_settling: the same of red and blue ``[2]``.
        background_overlay: number of the picture that is laid under robot and bodies in fixed cameras, see
            `tasks.imaging.backgrounds`; 0 for none.
        hand_in_view: width of a hand that crosses the view of fixed cameras once, against the image's; 0 for none.
    """

    def __init__(
        self,
        num_envs: int,
        device: str,
        cameras: Mapping[str, CameraSpec],
        bodies: int,
        overscan: Mapping[str, float],
    ) -> None:
        super().__init__(
            num_envs,
            device,
            object_texture=0,
            table_texture=0,
            background_texture=0,
            fill_light=0.0,
            motion_blur=0.0,
            frame_latency=0,
            frame_loss=0.0,
            latency_jitter=0,
            latency_burst=0.0,
            exposure_settling=1.0,
            white_balance_settling=(1.0, 1.0),
            hand_in_view=0.0,
            background_overlay=0,
        )
        self.bodies = bodies
        self.pipelines = {
            name: ImagePipeline(
                num_envs,
                spec,
                device,
                overscan=overscan.get(name, 1.0),
                bodies=bodies + len(FIXED_BODIES),
            )
            for name, spec in cameras.items()
        }
        self.own = frozenset(self.values)
        first = next(iter(self.pipelines.values()))
        self.passed_on = frozenset(first.names) - {"texture", "texture_seed", "texture_scale"}
        self._named: dict = {}
        self._labels = torch.empty(0, dtype=torch.int32)
        """Which body each segmentation id of `_named` is of."""
        self._seeds = [0] * num_envs
        self._step = torch.zeros(num_envs, dtype=torch.long)
        self._lost_for = torch.zeros(num_envs, dtype=torch.long)
        self._chance = torch.ones(num_envs, NOISE_STEPS)
        self._delays = torch.ones(num_envs, NOISE_STEPS, 2)
        """What decides about jitter and bursts of latency at each step."""
        self._jitter = torch.zeros(num_envs, dtype=torch.long)
        self._held_up = torch.zeros(num_envs, dtype=torch.long)
        """Control steps that are left of a burst."""
        self._settled = {"exposure": torch.ones(num_envs), "white_balance": torch.ones(num_envs, 2)}
        """What settles in the end, as asked for."""
        self._unsettled: set[str] = set()
        """Which of them are on their way in some environment."""
        self._crossing = torch.zeros(num_envs)
        """When the hand begins to cross [control steps]."""
        self._fixed = frozenset(name for name, spec in cameras.items() if spec.eye is not None)

    @property
    def names(self) -> frozenset[str]:
        """Every setting."""
        return self.own | self.passed_on

    def set(self, name: str, rows: Sequence[int], values: Sequence[Any]) -> None:
        """Ask for values; see `PerEnvironment.set`."""
        if name in self.own:
            super().set(name, rows, values)
            return
        for pipeline in self.pipelines.values():
            pipeline.set(name, rows, values)
        if name in self._settled:
            self._settled[name][list(rows)] = pipeline.get(name)[list(rows)]

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """New episodes: what is random about their images comes from ``seeds``."""
        for row, seed in zip(rows, seeds, strict=True):
            self._seeds[row] = seed
            for state in (self._step, self._lost_for, self._jitter, self._held_up):
                state[row] = 0
            self._chance[row] = torch.from_numpy(stream(seed, "frames").random(NOISE_STEPS, dtype="float32"))
            delays = stream(seed, "delays").random((NOISE_STEPS, 2), dtype="float32")
            self._delays[row] = torch.from_numpy(delays)
            self._crossing[row] = stream(seed, "hand").uniform(EARLIEST_S, LATEST_S) / CONTROL_DT

    def commit(self, rows: Sequence[int], changed: Collection[str]) -> None:
        """Work out what of the settings is drawn per episode."""
        rows = list(rows)
        self._settle()
        if {"object_texture", "table_texture", "background_texture"} & set(changed):
            self._choose_textures(rows)
        for pipeline in self.pipelines.values():
            if "fill_light" in changed:
                rng = [stream(self._seeds[row], "fill") for row in rows]
                pipeline.set(
                    "fill_direction", rows, [[r.uniform(-math.pi, math.pi), r.uniform(0.3, 1.4)] for r in rng]
                )
                pipeline.set("fill_intensity", rows, self["fill_light"][rows].tolist())
            if "motion_blur" in changed:
                angles = [stream(self._seeds[row], "blur").uniform(0, math.pi) for row in rows]
                pipeline.set("motion_angle", rows, angles)
                pipeline.set("motion_length", rows, self["motion_blur"][rows].tolist())

    def _choose_textures(self, rows: list[int]) -> None:
        count = self.bodies + len(FIXED_BODIES)
        kinds = torch.zeros(len(rows), count, dtype=torch.long)
        kinds[:, : self.bodies] = self["object_texture"][rows, None].cpu()
        kinds[:, self.bodies] = self["table_texture"][rows].cpu()
        kinds[:, self.bodies + 1 : self.bodies + 3] = self["background_texture"][rows, None].cpu()
        rng = [stream(self._seeds[row], "textures") for row in rows]
        seeds = torch.tensor([r.integers(1 << 20, size=count).tolist() for r in rng])
        sizes = [BODY_GRAIN] * self.bodies + [ROOM_GRAIN] * len(FIXED_BODIES)
        low, high = np.array(sizes).T
        scales = torch.tensor([r.uniform(low, high).tolist() for r in rng])
        for pipeline in self.pipelines.values():
            pipeline.set("texture", rows, kinds)
            pipeline.set("texture_seed", rows, seeds)
            pipeline.set("texture_scale", rows, scales)

    def advance(self) -> None:
        """A control step has gone by: frames were taken, or lost."""
        rows = torch.arange(self.num_envs)
        lost = self._chance[rows, self._step % NOISE_STEPS] < self["frame_loss"].cpu()
        jitter, burst = self._delays[rows, self._step % NOISE_STEPS].unbind(1)
        # An image that was shown is not shown again after a newer one: none is older than the last by more than a step.
        drawn = (jitter * (self["latency_jitter"].cpu() + 1)).long()
        self._jitter = torch.minimum(drawn, self._jitter + 1)
        begins = (burst < self["latency_burst"].cpu()) & (self._held_up == 0)
        self._held_up = torch.where(begins, BURST_STEPS, (self._held_up - 1).clamp_min(0))
        lost = lost | (self._held_up > 0)
        self._lost_for = torch.where(lost, self._lost_for + 1, 0)
        self._step += 1
        self._settle()

    def _settle(self) -> None:
        """Exposure and white balance on their way from the first image's to what they settle to."""
        for name, begin in self._settled.items():
            first = self[f"{name}_settling"].cpu()
            settles = bool((first != 1).any())
            if not settles and name not in self._unsettled:
                continue
            (self._unsettled.add if settles else self._unsettled.discard)(name)
            left = torch.exp(-self._step * CONTROL_DT / SETTLING_S)
            gain = first ** (left if first.dim() == 1 else left[:, None])
            for pipeline in self.pipelines.values():
                pipeline.set(name, range(self.num_envs), begin * gain)

    @property
    def late(self) -> bool:
        """Whether any environment's images may show the past."""
        names = ("frame_latency", "frame_loss", "latency_jitter", "latency_burst")
        return any(bool((self[name] > 0).any()) for name in names)

    @property
    def ages(self) -> torch.Tensor:
        """How old the images are ``[N]`` [control steps]; no older than the episode."""
        oldest = (self._step - 1).clamp(0, MAX_IMAGE_AGE)
        return torch.minimum(self["frame_latency"].cpu() + self._jitter + self._lost_for, oldest)

    def deliver(self, name: str, env: Any, idle: Collection[int] = ()) -> torch.Tensor:
        """The image ``[N, H, W, 3]`` uint8 of a camera, from what the renderer drew just now; not of ``idle`` rows."""
        pipeline, output = self.pipelines[name], env.scene[name].data.output
        rgb = output["rgb"].torch
        needs = pipeline.needs_aov()
        image = pipeline.apply(
            rgb,
            radiance=output["rgb_hdr"].torch if "radiance" in needs else None,
            albedo=output["albedo"].torch if "albedo" in needs else None,
            normals=output["normals"].torch if "normals" in needs else None,
            surfaces=self._surfaces(name, env) if "surfaces" in needs else None,
            seeds=self._image_seeds(name),
            idle=idle,
            backdrop=self._backdrop(name, env),
        )
        hand = self._hand(name)
        if hand is not None:
            image = draw_hand(image, hand, self._seeds)
        # The renderer draws the next image into the same memory.
        return image.clone() if image is rgb else image

    def _backdrop(self, name: str, env: Any) -> Backdrop | None:
        """What is laid under robot and bodies in a camera's image; None if nothing is anywhere."""
        number = self["background_overlay"].cpu()
        if name not in self._fixed or not bool((number > 0).any()):
            return None
        body = self._bodies(name, env)
        room = [self.bodies + FIXED_BODIES.index(part) for part in FIXED_BODIES if part != "robot"]
        behind = (body < 0) | torch.isin(body, torch.tensor(room, dtype=body.dtype, device=body.device))
        laid = (number > 0).to(body.device)[:, None, None]
        spec, overscan = self.pipelines[name].camera_spec, self.pipelines[name].overscan
        size = (spec.width, spec.height)
        plain = torch.zeros(spec.height, spec.width, 3, dtype=torch.uint8)
        pictures = [background(n, size, overscan) if n else plain for n in number.tolist()]
        return Backdrop(torch.stack(pictures).to(body.device), behind & laid)

    def _hand(self, name: str) -> torch.Tensor | None:
        """Pixels ``[N, H, W]`` of a camera's image that a passing hand hides; None if it passes nowhere."""
        width = self["hand_in_view"].cpu()
        way = (self._step - self._crossing) * CONTROL_DT / CROSSING_S
        there = (width > 0) & (way >= 0) & (way <= 1)
        if name not in self._fixed or not bool(there.any()):
            return None
        spec = self.pipelines[name].camera_spec
        return hand_mask(way, torch.where(there, width, 0.0), self._seeds, (spec.height, spec.width))

    def deliver_depth(self, name: str, env: Any) -> torch.Tensor:
        """The depth image ``[N, H, W]`` [m] of a camera; 0 is unknown."""
        depth = env.scene[name].data.output["distance_to_image_plane"].torch[..., 0].clone()
        depth = self.pipelines[name].apply_depth(depth, self._image_seeds(name + " depth"))
        hand = self._hand(name)
        # Where the image has it; the camera's errors are left out there.
        return depth if hand is None else torch.where(hand.to(depth.device), HAND_DEPTH, depth)

    def deliver_labels(self, name: str, env: Any) -> torch.Tensor:
        """Index of the body ``[N, H, W]`` that each pixel of the camera's image shows; -1 for none.

        The pool comes first, in its order, then `FIXED_BODIES`.
        """
        labels = self.pipelines[name].apply_labels(self._bodies(name, env))
        hand = self._hand(name)
        return (
            labels
            if hand is None
            else torch.where(hand.to(labels.device), torch.full_like(labels, -1), labels)
        )

    def _image_seeds(self, name: str) -> list[int]:
        """Where the random numbers of each environment's image at this step start."""
        keys = (
            f"{seed}/{step}/{name}".encode()
            for seed, step in zip(self._seeds, self._step.tolist(), strict=True)
        )
        return [int.from_bytes(hashlib.blake2b(key, digest_size=7).digest(), "little") for key in keys]

    def _bodies(self, name: str, env: Any) -> torch.Tensor:
        data = env.scene[name].data
        labels = data.output["instance_segmentation"].torch[..., 0]
        named = data.info["instance_segmentation"]["idToLabels"]
        if named != self._named:
            self._named, self._labels = dict(named), self._label_table(named, env).to(labels.device)
        table = self._labels
        return table.index_select(0, labels.clamp(0, len(table) - 1).view(-1)).view(labels.shape)

    def _label_table(self, named: dict, env: Any) -> torch.Tensor:
        """Segmentation id -> index of the body."""
        order = {f"Body_{slot}": i for i, slot in enumerate(env.slots)}
        order |= {part.capitalize(): self.bodies + i for i, part in enumerate(FIXED_BODIES)}
        table = torch.full((max(map(int, named), default=0) + 2,), -1, dtype=torch.int32)
        for label, path in named.items():
            for part in str(path).split("/"):
                if part in order:
                    table[int(label)] = order[part]
                    break
        return table

    def _surfaces(self, name: str, env: Any) -> Surfaces:
        data = env.scene[name].data
        pool, position, rotation = env.shown_poses(name)
        fixed = torch.zeros(self.num_envs, len(FIXED_BODIES), 7, device=pool.device)
        fixed[..., :3] = env.scene.env_origins[:, None]
        fixed[..., 6] = 1.0
        return Surfaces(
            depth=data.output["distance_to_image_plane"].torch[..., 0],
            body=self._bodies(name, env),
            position=position,
            rotation=rotation,
            body_pose=torch.cat((pool, fixed), 1),
        )
