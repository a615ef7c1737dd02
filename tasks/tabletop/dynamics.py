"""`Dynamics`: how bodies and joints of each environment respond, written to the physics engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch

from tasks.engines.contact import write_contact
from tasks.engines.presets import engine_name
from tasks.poses import from_rotation_vector, rotate
from tasks.settings import PerEnvironment
from tasks.tabletop.reference import GRIP_EFFORT, grip_ratio, stiffness_ratio
from tasks.tabletop.workspace import NOMINAL_FRICTION

GRAVITY = 9.81
"""[m/s^2]"""


class Dynamics(PerEnvironment):
    """Physical parameters of ``N`` environments, stated for the reference arm (`tasks.tabletop.reference`).

    Settings:
        object_mass: mass of every object against nominal; inertia follows, as of denser stuff.
        object_inertia: inertia against that of the object's mass, all of the tensor, so that it stays a possible one.
        object_com: displacement of every object's centre of mass ``[3]`` [m], its own axes; less for smaller ones.
        object_friction: friction of objects against table, receptacles and fingers [1].
        object_restitution: restitution of the same contacts [1].
        rest_offset: distance from other surfaces at which objects come to rest [m].
        arm_gain: stiffness and damping of the arm's drives against nominal.
        joint_friction: Coulomb friction of each arm joint [N m].
        joint_friction_each: the same, beside it, joint by joint ``[J]`` [N m].
        joint_torque: what pulls at each joint and nobody compensates ``[J]`` [N m].
        payload_error: mass at the hand that gravity compensation does not know of [kg].
        joint_damping: viscous friction of each arm joint, beside the drive's own [N m s/rad].
        armature: rotor inertia of the arm joints against nominal.
        link_mass: mass of the arm's links against nominal, at their centres of mass.
        gripper_force: greatest force of a finger's drive [N].
        gravity_scale: strength of gravity against nominal, felt by the bodies; the arm is compensated.
        gravity_tilt: direction of gravity, as a rotation vector about x and y ``[2]`` [rad].
    """

    CONTACT = frozenset(("object_friction", "object_restitution", "rest_offset"))
    INERTIAL = frozenset(("object_mass", "object_inertia", "object_com"))
    GRAVITY = frozenset(("gravity_scale", "gravity_tilt", "object_mass", "table_tilt"))

    def __init__(self, env: Any) -> None:
        model = env.robot_model
        joints = len(model.spec.arm_joints)
        super().__init__(
            env.num_envs,
            env.device,
            object_mass=1.0,
            object_inertia=1.0,
            object_com=(0.0,) * 3,
            object_friction=NOMINAL_FRICTION,
            object_restitution=0.0,
            rest_offset=0.0,
            arm_gain=1.0,
            joint_friction=0.0,
            joint_friction_each=(0.0,) * joints,
            joint_torque=(0.0,) * joints,
            payload_error=0.0,
            joint_damping=0.0,
            armature=1.0,
            link_mass=1.0,
            gripper_force=GRIP_EFFORT,
            gravity_scale=1.0,
            gravity_tilt=(0.0, 0.0),
        )
        self.env = env
        self.bodies, self.robot = env.bodies, env.robot
        self._objects = [i for i, slot in enumerate(env.slots.values()) if not slot.is_receptacle]
        self._is_object = torch.zeros(len(env.slots), dtype=torch.bool, device=self.device)
        self._is_object[self._objects] = True
        n = env.num_envs
        self._mass = self.bodies.data.body_mass.torch.clone().view(n, -1)
        self._inertia = self.bodies.data.body_inertia.torch.clone().view(n, -1, 9)
        self._com = self.bodies.data.body_com_pose_b.torch.clone().view(n, -1, 7)
        self._link_mass = self.robot.data.body_mass.torch.clone().view(n, -1)
        self._arm, self._fingers = env.arm_joint_ids, env.finger_joint_ids
        self._arm_links = [i for i, name in enumerate(self.robot.body_names) if name in model.spec.arm_links]
        drives = model.arm_drives
        self._stiffness, self._damping, self._armature = (
            torch.tensor(values, device=self.device)
            for values in (drives.stiffness, drives.damping, drives.armature)
        )
        self._stiffer, self._grip = stiffness_ratio(model, self.device), grip_ratio(model)
        self._scale = model.workspace.scale
        self._viscous = self.robot.data.joint_viscous_friction_coeff.torch.clone()[:, self._arm]
        self.gravity_force = torch.zeros(n, len(env.slots), 3, device=self.device)
        """What must push each body so that it feels its environment's gravity ``[N, B, 3]`` [N], table axes."""

    @property
    def hand_force(self) -> torch.Tensor:
        """What pulls at the hand because of the payload that nobody knows of ``[N, 3]`` [N], table axes."""
        down = torch.tensor((0.0, 0.0, -GRAVITY), device=self.device)
        return self["payload_error"][:, None] * self._scale**3 * down

    @property
    def masses(self) -> torch.Tensor:
        """Present masses of the pool ``[N, B]`` [kg]."""
        return self._mass * torch.where(self._is_object, self["object_mass"][:, None], 1.0)

    def commit(self, rows: Sequence[int], changed: Collection[str]) -> None:
        """Write what changed to the engine; a property is written in the same way whatever it was before."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        if self.INERTIAL & set(changed):
            self._write_inertial(ids, "object_com" in changed)
        if self.CONTACT & set(changed):
            self.write_contact(ids)
        if self.GRAVITY & set(changed):
            self._solve_gravity(ids)
        robot, arm = self.robot, len(self._arm)
        if "arm_gain" in changed:
            gain = self["arm_gain"][ids][:, None].expand(-1, arm)
            where: dict[str, Any] = {"joint_ids": self._arm, "env_ids": ids}
            robot.write_joint_stiffness_to_sim_index(stiffness=(gain * self._stiffness).contiguous(), **where)
            robot.write_joint_damping_to_sim_index(damping=(gain * self._damping).contiguous(), **where)
        if {"joint_friction", "joint_friction_each", "joint_damping"} & set(changed):
            coulomb = (
                self["joint_friction"][ids][:, None] + self["joint_friction_each"][ids]
            ) * self._stiffer
            own = self["joint_damping"][ids][:, None] * self._stiffer
            self._write_joint_friction(ids, coulomb, (own + self._viscous[ids]).contiguous())
        if "joint_torque" in changed:
            robot.set_joint_effort_target_index(
                target=self["joint_torque"][ids] * self._stiffer, joint_ids=self._arm, env_ids=ids
            )
        if "armature" in changed:
            value = self["armature"][ids][:, None] * self._armature
            robot.write_joint_armature_to_sim_index(armature=value, joint_ids=self._arm, env_ids=ids)
        if "link_mass" in changed:
            scale = torch.ones_like(self._link_mass[ids])
            scale[:, self._arm_links] = self["link_mass"][ids][:, None]
            robot.set_masses_index(masses=self._link_mass[ids] * scale, env_ids=ids)
            # Not its inertia about that point too: PhysX turns a link's frame of inertia a little each time it is
            # written, and an episode would depend on how many came before it.
        if "gripper_force" in changed:
            limit = self["gripper_force"][ids][:, None].expand(-1, len(self._fingers)) * self._grip
            robot.write_joint_effort_limit_to_sim_index(
                limits=limit.contiguous(), joint_ids=self._fingers, env_ids=ids
            )

    def write_contact(self, ids: torch.Tensor) -> None:
        """Write friction, restitution and rest offset of the objects in these environments."""
        values = (self[name][ids] for name in ("object_friction", "object_restitution", "rest_offset"))
        write_contact(self.env, self.bodies, ids, self._objects, *values)

    def _write_inertial(self, ids: torch.Tensor, com: bool) -> None:
        mass = self.masses[ids]
        density = torch.where(
            self._is_object, (self["object_mass"] * self["object_inertia"])[ids][:, None], 1.0
        )
        self.bodies.set_masses_index(masses=mass, env_ids=ids)
        self.bodies.set_inertias_index(inertias=self._inertia[ids] * density[..., None], env_ids=ids)
        if com:
            pose = self._com[ids].clone()
            pose[..., :3] += torch.where(
                self._is_object[:, None], self._scale * self["object_com"][ids][:, None], 0.0
            )
            self.bodies.set_coms_index(coms=pose, env_ids=ids)

    def _write_joint_friction(self, ids: torch.Tensor, coulomb: torch.Tensor, viscous: torch.Tensor) -> None:
        kinetic = (
            None if engine_name(self.env.cfg) == "newton_mjwarp" else coulomb
        )  # MuJoCo has one coefficient
        self.robot.write_joint_friction_coefficient_to_sim_index(
            joint_friction_coeff=coulomb,
            joint_dynamic_friction_coeff=kinetic,
            joint_viscous_friction_coeff=viscous,
            joint_ids=self._arm,
            env_ids=ids,
        )

    def _solve_gravity(self, ids: torch.Tensor) -> None:
        """Engines have one gravity for all environments (PhysX), so each body is pushed by the difference."""
        tilt = self["gravity_tilt"][ids]
        vector = torch.cat((tilt, torch.zeros_like(tilt[:, :1])), 1)
        up = rotate(from_rotation_vector(vector), self.env.layout.up[ids])
        nominal = torch.tensor((0.0, 0.0, GRAVITY), device=self.device)
        push = nominal - GRAVITY * self["gravity_scale"][ids][:, None] * up
        self.gravity_force[ids] = self.masses[ids][..., None] * push[:, None]
