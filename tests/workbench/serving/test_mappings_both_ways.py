"""A mapping on both sides: the bench serves by it what the bench asks by it, and the motion is the same."""

import json

import numpy as np
import pytest
import torch

from policy.contract import Decision, Observation
from policy.serve.mapping.mapping import load_mapping
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tests.workbench.serving.served import serving
from workbench.rollout.policies import PolicyCfg, make_policy

N = 3


class Steady:
    """A motion that depends on what it measures and on the pictures, the same in every step of a chunk."""

    cameras = ("front", "wrist")
    name = "steady"

    def __init__(self, spec, steps, execute):
        self.action_spec, self.steps, self.execute_steps = spec, steps, execute
        self.seen = []

    def act(self, observation):
        self.seen.append(observation)
        n, dim = len(observation.env_ids), self.action_spec.dim
        actions = np.zeros((n, self.steps, dim))
        felt = observation.joint_pos[:, 0] if self.action_spec == DELTA_JOINTS else observation.ee_pose[:, 1]
        for row in range(n):
            known = float(torch.nan_to_num(felt[row]))
            actions[row, :, :-1] = 1e-3 * (
                1 + known + float(observation.images["front"][row].float().mean()) / 255
            )
            actions[row, :, 1] *= -2
            actions[row, :, -1] = 1.0 if observation.instruction[row].endswith("1") else -1.0
        return Decision(torch.from_numpy(actions.astype(np.float32)), [None] * n)


def observation():
    turn = np.array([0.9, 0.1, -0.3, 0.2]) / np.linalg.norm([0.9, 0.1, -0.3, 0.2])
    pose = torch.tensor([[0.4, 0.1 * i, 0.3, *turn] for i in range(N)], dtype=torch.float32)
    joints = torch.arange(7).repeat(N, 1) / 10 + torch.arange(N)[:, None] / 5
    rng = np.random.default_rng(0)
    images = {
        c: torch.from_numpy(rng.integers(0, 256, (N, 224, 224, 3), np.uint8)) for c in ("front", "wrist")
    }
    return Observation(
        range(N), torch.zeros(N), [f"go {i}" for i in range(N)], joints, torch.zeros(N, 7),
        torch.tensor([0.01, 0.03, 0.06]), pose, images,
    )  # fmt: skip


CASES = {
    "openpi-libero": (DELTA_EEF, {"protocol": "openpi"}, "openpi://{}"),
    "openpi-droid": (DELTA_JOINTS, {"protocol": "openpi"}, "openpi://{}"),
    "gr00t-libero": (DELTA_EEF, {"protocol": "gr00t", "version": "n1.5"}, "gr00t://{}?version=n1.5"),
    "gr00t-droid": (DELTA_JOINTS, {"protocol": "gr00t", "version": "n1.7"}, "gr00t://{}?version=n1.7"),
    "starvla-libero": (DELTA_EEF, {"protocol": "starvla"}, "starvla://{}"),
    "m1-libero": (DELTA_EEF, {"protocol": "m1"}, "m1://{}"),
    "m1-franka": (DELTA_JOINTS, {"protocol": "m1"}, "m1://{}"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_motion_comes_out_as_went_in(name, tmp_path):
    spec, options, address = CASES[name]
    mapping = load_mapping(name)
    wire = mapping.actions
    # As many steps as make the chunk that the mapping says, at the rate that it says.
    rate = (wire.control_hz or spec.control_hz) / spec.control_hz
    chunk = wire.chunk or 12
    steps = round(chunk / rate) if (chunk / rate) == round(chunk / rate) else int(np.ceil(chunk / rate))
    policy = Steady(spec, steps, min(steps, max(1, round(wire.execute_steps / rate))))
    asked = {"mapping": name}
    if wire.normalisation is not None:
        low, high = [-1.0] * (wire.dim - 1) + [0.0], [1.0] * wire.dim
        rows = {"q01": low, "q99": high, "min": low, "max": high, "mask": [True] * (wire.dim - 1) + [False]}
        file = tmp_path / "dataset_statistics.json"
        file.write_text(json.dumps({wire.normalisation.key: {"action": rows}}), "utf-8")
        asked["statistics"] = str(file)
    with serving(policy, action_space=spec.name, **asked, **options) as server:
        cfg = PolicyCfg("remote:" + address.format(f"127.0.0.1:{server.port}"), options=asked)
        cfg.check()
        cfg.check_actions(spec)
        cfg.check_environments(N)
        remote = make_policy(cfg, N, spec, "cpu")
        remote.reset(range(N), range(N))
        far = remote.act(observation()).actions
        remote.close()
    near = {}
    for seen in policy.seen:
        for row, text in enumerate(seen.instruction):
            near[text] = (seen, row)
    assert set(near) == {"go 0", "go 1", "go 2"}
    for row in range(N):
        seen, at = near[f"go {row}"]
        expected = Steady(spec, steps, 1).act(seen).actions[at]
        length = min(len(far[row]), len(expected))
        np.testing.assert_allclose(far[row][:length], expected[:length], atol=2e-5, rtol=2e-3)
        told = observation()
        for camera in ("front", "wrist"):
            assert seen.images[camera].shape[1:] == (224, 224, 3) or "gr00t" in name
        if mapping.state:
            np.testing.assert_allclose(seen.gripper_width[at], told.gripper_width[row], atol=1e-4)
            of = "joint_pos" if spec == DELTA_JOINTS else "ee_pose"
            np.testing.assert_allclose(
                np.abs(getattr(seen, of)[at]), np.abs(getattr(told, of)[row]), atol=1e-5
            )
        if name.endswith("libero") and "gr00t" not in name:
            assert torch.equal(seen.images["front"][at], told.images["front"][row]), "it stands on its head"
