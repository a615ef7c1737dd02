"""What an expert does when commands get lost, an object turns, or there is nothing in its hand."""

import math
from itertools import pairwise

import torch

from robots.franka import PANDA
from robots.franka.kinematics import TOOL_CONTROL
from tasks.pick_place.task import TASK
from tasks.tabletop.action_spaces import DELTA_EEF
from tasks.tabletop.carry_expert import ABOVE, CARRY, CLOSE, LIFT
from tasks.tabletop.scripted_expert import WAITS
from tests.tasks.tabletop.toy_world import ROW, ToyWorld, run, scenes


class Lossy(ToyWorld):
    """The arm does not get the commands of some steps."""

    lost = range(10, 26)

    def step(self, actions):
        if int(self.step_count[0]) in self.lost:
            actions = actions.clone()
            actions[:, :6] = 0.0
        super().step(actions)


def expert_of(world):
    return TASK.expert(world.n, DELTA_EEF)


def test_commands_that_got_lost_are_made_up_for_though_the_expert_waits_for_the_arm():
    world = Lossy(scenes(6))
    expert = expert_of(world)
    behind = []
    run(
        world,
        expert,
        each_step=lambda decision: behind.append((expert.motion.position - world.position).norm(dim=1)),
    )
    assert bool((torch.stack(behind).amax(0) > WAITS).all()), "not enough was lost for it to wait"
    assert bool(world.progress.succeeded.all())


def test_an_object_that_turns_before_it_is_grasped_is_grasped_in_another_way():
    world = ToyWorld(scenes(8))
    expert = expert_of(world)
    half = 1.0  # of the turn [rad]
    wrist, grasps = [], []

    def turn(decision):
        wrist.append(expert.motion.joints[:, 6].clone())
        grasps.append(expert.grasp.clone())
        if int(world.step_count[0]) == 8:
            for row, scene in enumerate(world.scenes):
                pose = world.pose[row, ROW[scene.target.slot], 3:]
                at = math.atan2(float(pose[2]), float(pose[3])) + half
                world.pose[row, ROW[scene.target.slot], 3:] = torch.tensor(
                    [0.0, 0.0, math.sin(at), math.cos(at)]
                )

    run(world, expert, each_step=turn)
    assert bool(world.progress.succeeded.all())
    assert not torch.equal(grasps[2], grasps[-1])
    low, high = PANDA.limits.position_low[6], PANDA.limits.position_high[6]
    reached = torch.stack(wrist)
    assert float(reached.min()) > low
    assert float(reached.max()) < high


def test_a_hand_that_closed_on_nothing_is_not_lifted():
    world = ToyWorld(scenes(4))
    expert = expert_of(world)
    phases, moved = [], set()

    def move(decision):
        phases.append(expert.phase.clone())
        for row, scene in enumerate(world.scenes):
            if int(expert.phase[row]) == CLOSE and row not in moved:
                moved.add(row)
                world.pose[row, ROW[scene.target.slot], 1] += 0.05
                world.held[row] = None

    run(world, expert, each_step=move)
    assert bool(world.progress.succeeded.all())
    for row in range(world.n):
        ways = [int(phase[row]) for phase in phases]
        changes = [b for a, b in pairwise(ways) if a != b]
        first = changes.index(CLOSE)
        assert changes[first + 1] == ABOVE, "up in the air with an empty hand"
        assert LIFT in changes[first + 1 :]
        assert CARRY in changes[first + 1 :]


def test_a_grasp_that_the_last_joint_cannot_turn_to_counts_as_half_a_turn_worse():
    headings = torch.tensor([math.pi / 2 - 1.40, math.pi / 2 - 1.43, math.pi / 2 + 1.57])
    turns = TOOL_CONTROL.grasp_turn(torch.zeros(3, 3), headings)
    assert torch.allclose(turns, torch.tensor([1.40, 1.43 + math.pi, 1.57]), atol=1e-4)
