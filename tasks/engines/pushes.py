"""Forces on free bodies that last while episodes run, applied at their centres of mass at every physics step."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import warp as wp

from tasks.engines.presets import engine_name
from tasks.poses import rotate


class Pushes(Protocol):
    """What pushes the bodies of a collection."""

    def set(self, force: torch.Tensor) -> None:
        """From the next physics step on, push with ``[N, B, 3]`` [N], world axes; copied."""
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


class ComposedPushes:
    """By way of Isaac Lab, which composes and writes forces itself."""

    def __init__(self, bodies: Any) -> None:
        self._composer = bodies.permanent_wrench_composer
        self._known = False

    def set(self, force: torch.Tensor) -> None:
        """See `Pushes.set`."""
        # What is composed is composed anew at every physics step, which takes time: not before there is a force.
        if not self._known and not bool(force.any()):
            return
        self._known = True
        self._composer.set_forces_and_torques_index(
            forces=force, torques=torch.zeros_like(force), is_global=True
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
