"""An environment without a simulator: it keeps what `Dynamics` writes, and starts with the bodies of a real one."""

from types import SimpleNamespace

import torch

from robots.registry import robot
from tasks.tabletop.layout import Layout
from tasks.tabletop.workspace import front_camera, pool

PANDA = robot().spec
LINKS = ("panda_link0", *PANDA.arm_links, PANDA.hand_body, "panda_leftfinger", "panda_rightfinger")


class FakeAsset:
    """Tensors as an engine's, and every write to them by name of the property."""

    def __init__(self, **data):
        self.data = SimpleNamespace(**{k: SimpleNamespace(torch=v.clone()) for k, v in data.items()})
        self.written = {k: v.clone() for k, v in data.items()}
        self.body_names = LINKS

    def _note(self, name, value, env_ids, columns=slice(None)):
        held = self.written.setdefault(name, torch.zeros(0))
        if held.numel() == 0:
            held = self.written[name] = torch.full((len(self.data.body_mass.torch), 9), torch.nan)
        if isinstance(columns, slice):
            held[env_ids] = value
        else:
            held[env_ids[:, None], torch.as_tensor(columns)] = value

    def set_masses_index(self, masses, env_ids):
        self._note("body_mass", masses, env_ids)

    def set_inertias_index(self, inertias, env_ids):
        self._note("body_inertia", inertias, env_ids)

    def set_coms_index(self, coms, env_ids):
        self._note("body_com_pose_b", coms, env_ids)

    def write_joint_stiffness_to_sim_index(self, stiffness, joint_ids, env_ids):
        self._note("stiffness", stiffness, env_ids, joint_ids)

    def write_joint_damping_to_sim_index(self, damping, joint_ids, env_ids):
        self._note("damping", damping, env_ids, joint_ids)

    def write_joint_armature_to_sim_index(self, armature, joint_ids, env_ids):
        self._note("armature", armature, env_ids, joint_ids)

    def write_joint_effort_limit_to_sim_index(self, limits, joint_ids, env_ids):
        self._note("effort_limit", limits, env_ids, joint_ids)

    def set_joint_effort_target_index(self, target, joint_ids, env_ids):
        self._note("effort_target", target, env_ids, joint_ids)

    def write_joint_friction_coefficient_to_sim_index(
        self,
        joint_friction_coeff,
        joint_dynamic_friction_coeff,
        joint_viscous_friction_coeff,
        joint_ids,
        env_ids,
    ):
        self._note("coulomb", joint_friction_coeff, env_ids, joint_ids)
        if joint_dynamic_friction_coeff is not None:
            self._note("kinetic", joint_dynamic_friction_coeff, env_ids, joint_ids)
        self._note("viscous", joint_viscous_friction_coeff, env_ids, joint_ids)


def random_bodies(n, b, seed):
    """Masses, inertias and centres of mass as an engine might have them, alike in every environment."""
    rng = torch.Generator().manual_seed(seed)
    mass = (0.05 + torch.rand(1, b, generator=rng)).repeat(n, 1)
    inertia = (1e-4 * torch.rand(1, b, 9, generator=rng)).repeat(n, 1, 1)
    com = torch.cat(
        (0.01 * torch.randn(1, b, 3, generator=rng), torch.zeros(1, b, 3), torch.ones(1, b, 1)), 2
    )
    return {"body_mass": mass, "body_inertia": inertia, "body_com_pose_b": com.repeat(n, 1, 1)}


class FakeEnv:
    """What `Dynamics` asks of an environment."""

    def __init__(self, n):
        self.num_envs, self.device = n, "cpu"
        self.robot_model = robot()
        self.slots = pool()
        self.bodies = FakeAsset(**random_bodies(n, len(self.slots), 0))
        links = random_bodies(n, len(LINKS), 1)
        self.robot = FakeAsset(**links, joint_viscous_friction_coeff=torch.full((n, 9), 0.25))
        self.arm_joint_ids, self.finger_joint_ids = list(range(7)), [7, 8]
        self.layout = Layout(n, "cpu", {"front": front_camera()})
        physics = type("OvPhysxCfg", (), {})()
        self.cfg = SimpleNamespace(sim=SimpleNamespace(physics=physics))
