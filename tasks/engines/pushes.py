"""Forces that last while episodes run, applied at centres of mass at every physics step: on free bodies, on a link."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import warp as wp

from tasks.engines.presets import engine_name
from tasks.poses import rotate


class Pushes(Protocol):
    """What pushes the ``B`` bodies of a collection, or one link."""

    def set(self, force: torch.Tensor) -> None:
        """From the next physics step on, push with ``[N, B, 3]`` [N], world axes; copied. ``B`` is 1 for a link."""
        ...

    def apply(self) -> None:
        """To be called before every physics step."""
        ...

    def forget(self) -> None:
        """Push nothing until the next `set`; to be called before a reset."""
        ...


def make_pushes(env: Any, bodies: Any) -> Pushes:
    """What pushes the collection ``bodies`` on the environment's engine."""
    return OvPhysxPushes(bodies) if engine_name(env.cfg) == "ovphysx" else ComposedPushes(bodies)


def make_link_pushes(env: Any, robot: Any, link: int) -> Pushes:
    """What pushes a link of an articulation, by its number, on the environment's engine."""
    if engine_name(env.cfg) == "ovphysx":
        return OvPhysxLinkPushes(robot, link)
    return ComposedPushes(robot, [link])


class ComposedPushes:
    """By way of Isaac Lab, which composes and writes forces itself."""

    def __init__(self, asset: Any, body_ids: list[int] | None = None) -> None:
        self._composer = asset.permanent_wrench_composer
        self._body_ids = body_ids
        self._known = False

    def set(self, force: torch.Tensor) -> None:
        """See `Pushes.set`."""
        # What is composed is composed anew at every physics step, which takes time: not before there is a force.
        if not self._known and not bool(force.any()):
            return
        self._known = True
        self._composer.set_forces_and_torques_index(
            forces=force, torques=torch.zeros_like(force), body_ids=self._body_ids, is_global=True
        )

    def apply(self) -> None:
        """See `Pushes.apply`."""

    def forget(self) -> None:
        """See `Pushes.forget`."""
        self._composer.reset()
        self._known = False


class OvPhysxPushes:
    """Straight to PhysX: a third of the time, which it takes at every physics step."""

    def __init__(self, bodies: Any) -> None:
        from isaaclab_ov import tensor_types

        self._kinds = tensor_types
        self._bodies = bodies
        self._view = bodies.root_view
        rows = bodies.num_bodies * bodies.num_instances
        self._wrench = torch.zeros(rows, 9, device=bodies.device)
        """Force, torque, and where they act, of each body ``[B * N, 9]``; bodies outermost, as in the view."""
        self._com = torch.zeros(rows, 3, device=bodies.device)
        self._packed = wp.from_torch(self._wrench)
        self._pose = wp.zeros(rows, dtype=wp.transformf, device=bodies.device)
        self._pushing = False

    def set(self, force: torch.Tensor) -> None:
        """See `Pushes.set`."""
        self._pushing = bool(force.any())
        if self._pushing:
            self._wrench[:, :3] = force.transpose(0, 1).reshape(-1, 3)
            com = wp.to_torch(self._view.get_attribute(self._kinds.RIGID_BODY_COM_POSE))
            self._com = com.reshape(-1, 7)[:, :3].to(self._wrench)

    def apply(self) -> None:
        """See `Pushes.apply`."""
        if not self._pushing:
            return
        pose = wp.to_torch(self._view.get_attribute(self._kinds.RIGID_BODY_POSE, out=self._pose))
        self._wrench[:, 6:] = pose[:, :3] + rotate(pose[:, 3:], self._com)
        self._view.set_attribute(self._kinds.RIGID_BODY_WRENCH, self._packed)

    def forget(self) -> None:
        """See `Pushes.forget`."""
        self._pushing = False


class OvPhysxLinkPushes:
    """The same for a link. By way of Isaac Lab its force would act at the link's origin."""

    def __init__(self, robot: Any, link: int) -> None:
        from isaaclab_ov import tensor_types

        self._kind = tensor_types.LINK_WRENCH
        self._robot, self._link = robot, link
        # The engine may count links in another order than Isaac Lab.
        self._row = robot.root_view.body_names.index(robot.body_names[link])
        self._wrench = torch.zeros(robot.num_instances, robot.num_bodies, 9, device=robot.device)
        self._packed = wp.from_torch(self._wrench)
        self._com = torch.zeros(robot.num_instances, 3, device=robot.device)
        self._pushing = False

    def set(self, force: torch.Tensor) -> None:
        """See `Pushes.set`."""
        self._pushing = bool(force.any())
        if self._pushing:
            self._wrench[:, self._row, :3] = force[:, 0]
            self._com = self._robot.data.body_com_pos_b.torch[:, self._link].clone()

    def apply(self) -> None:
        """See `Pushes.apply`."""
        if not self._pushing:
            return
        pose = self._robot.data.body_link_pose_w.torch[:, self._link]
        self._wrench[:, self._row, 6:] = pose[:, :3] + rotate(pose[:, 3:], self._com)
        self._robot.root_view.set_attribute(self._kind, self._packed)

    def forget(self) -> None:
        """See `Pushes.forget`."""
        self._pushing = False
