"""The expert in a toy world without physics: a tool that goes where it is sent, and objects that stick to it."""

import functools

import numpy as np
import pytest
import torch

from policy.contract import Observation, Policy
from policy.grounding import GRASP, PLACE, RECEPTACLE, TARGET
from robots.franka import PANDA
from robots.franka.kinematics import forward, rotation_matrix, rotation_vector
from robots.franka.spec import FINGERTIP
from robots.motion_limiter import MotionLimiter
from tasks.cameras import back_project, look_at
from tasks.episode import EpisodeSpec
from tasks.pick_place.progress import Progress
from tasks.poses import relative
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.carry_expert import CARRY, CLOSE, LOWER
from tasks.tabletop.carry_expert import CarryExpert as Expert
from tasks.tabletop.carry_grounding import true_grounding
from tasks.tabletop.composition import random_scene
from tasks.tabletop.judge import State
from tasks.tabletop.scene import Placement, Scene
from tasks.tabletop.view import PrivilegedView
from tasks.tabletop.workspace import OBJECT_REGION, PARKING, front_camera, pool

pytestmark = pytest.mark.usefixtures("one_thread")

DT = 0.05
MAX_STEPS = 300
SLOTS = tuple(pool().values())
ROW = {slot.name: i for i, slot in enumerate(SLOTS)}
CAMERA = front_camera()
GRASP_REACH = (
    0.012  # [m] of the tool from a grasp point, horizontally, within which closing the hand holds the object
)


BODIES = BodyTable(SLOTS)


class ToyWorld:
    """``n`` scenes; actions are clipped to their limits and carried out exactly and at once."""

    def __init__(self, scenes, spec=DELTA_EEF):
        n = len(scenes)
        self.spec, self.n = spec, n
        self.pose = torch.zeros(n, len(SLOTS), 7)
        self.pose[..., :3], self.pose[..., 6] = torch.tensor(PARKING), 1.0
        self.progress = Progress(BODIES, n, DT)
        for row, scene in enumerate(scenes):
            for p in scene.placements:
                k = ROW[p.slot]
                at = (p.x, p.y, SLOTS[k].height / 2, 0, 0, np.sin(p.yaw / 2), np.cos(p.yaw / 2))
                self.pose[row, k] = torch.tensor(at)
            self.progress.begin(
                row,
                ROW[scene.target.slot],
                ROW[scene.receptacle.slot],
                [ROW[p.slot] for p in scene.placements],
            )
        self.scenes = scenes
        self.joints = torch.tensor([PANDA.home]).repeat(n, 1)
        self.position, self.rotation, _ = forward(self.joints)
        self.width = torch.full((n,), PANDA.gripper_max_width)
        self.held: list[torch.Tensor | None] = [None] * n
        """Place of the held object relative to the tool [m]."""
        self.step_count = torch.zeros(n, dtype=torch.long)
        eye = torch.tensor([CAMERA.eye]).expand(n, 3)
        self.camera = eye, look_at(eye, torch.tensor([CAMERA.target]).expand(n, 3))

    def view(self):
        p = self.progress
        return PrivilegedView(
            slots=SLOTS,
            body_pose=self.pose.clone(),
            active=p.active,
            target=p.target,
            receptacle=p.receptacle,
            in_place=p.in_place,
            tool=self.position,
            table_z=torch.zeros(self.n),
            camera=CAMERA.name,
            image_size=(CAMERA.width, CAMERA.height),
            intrinsics=CAMERA.intrinsics().expand(self.n, 3, 3),
            distortion=torch.zeros(self.n),
            camera_position=self.camera[0],
            camera_rotation=self.camera[1],
        )

    def observe(self):
        return Observation(
            env_ids=range(self.n),
            step=self.step_count.clone(),
            instruction=[scene.instruction for scene in self.scenes],
            joint_pos=self.joints,
            joint_vel=torch.zeros(self.n, 7),
            gripper_width=self.width,
            ee_pose=torch.cat(
                (self.position, torch.zeros(self.n, 4)), 1
            ),  # the expert reads the position only
            privileged={"view": self.view()},
        )

    def step(self, actions):
        low, high = torch.tensor(self.spec.low).float(), torch.tensor(self.spec.high).float()
        actions = actions.clamp(low, high)
        before = self.pose.clone()
        if self.spec.name == DELTA_JOINTS.name:
            self.joints = self.joints + actions[:, :-1]
            self.position, self.rotation, _ = forward(self.joints)
        else:
            self.position = self.position + actions[:, :3]
            self.rotation = rotation_matrix(actions[:, 3:6]) @ self.rotation
        grasps = torch.stack([self.view().grasp_point(torch.full((self.n,), g)) for g in range(8)])
        close = (grasps[..., :2] - self.position[:, :2]).norm(dim=-1).amin(0) < GRASP_REACH
        close &= (grasps[0, :, 2] - self.position[:, 2]).abs() < 0.01
        for row in range(self.n):
            k = int(self.progress.target[row])
            if actions[row, -1] > 0:
                if self.held[row] is not None:
                    self.drop(row)
                self.width[row] = PANDA.gripper_max_width
            else:
                if self.held[row] is None and close[row]:
                    self.held[row] = self.pose[row, k, :3] - self.position[row]
                self.width[row] = 0.0 if self.held[row] is None else 0.05
                if self.held[row] is not None:
                    self.pose[row, k, :3] = self.position[row] + self.held[row]
        self.step_count += 1
        velocity = torch.zeros(self.n, len(SLOTS), 6)
        velocity[..., :3] = (self.pose - before)[..., :3] / DT
        fingers = self.width[:, None].expand(-1, 2) / 2
        state = State(self.pose, velocity, self.position, self.rotation, fingers, torch.zeros(self.n, 7))
        self.progress.update(state)

    def drop(self, row):
        """Let the object fall straight down, onto the table or into a receptacle."""
        self.held[row] = None
        k, r = int(self.progress.target[row]), int(self.progress.receptacle[row])
        over = SLOTS[r].body.opening.contains(*relative(self.pose[row, r], self.pose[row, k])[:2].tolist())
        self.pose[row, k, 2] = SLOTS[k].height / 2 + (SLOTS[r].body.support_height if over else 0.0)


def scenes(n, first=0):
    return [random_scene(EpisodeSpec("pick_place", i, 5)) for i in range(first, first + n)]


def corner_scene(x, y, yaw):
    """A brick, which can be held in one direction only, and a plate in the middle."""
    return Scene(Placement("brick_large", "red", x, y, yaw), Placement("plate", "blue", 0.5, 0.0, 0.0))


def run(world, expert, steps=MAX_STEPS, seeds=None, each_step=None):
    """Let the expert act; returns its actions ``[T, N, A]`` and tool positions ``[T + 1, N, 3]``."""
    expert.reset(range(world.n), seeds if seeds is not None else list(range(world.n)))
    actions, tool = [], [world.position]
    for _ in range(steps):
        decision = expert.act(world.observe())
        actions.append(decision.actions[:, 0])
        world.step(decision.actions[:, 0])
        tool.append(world.position)
        if each_step is not None:
            each_step(decision)
        if bool(world.progress.finished.all()):
            break
    return torch.stack(actions), torch.stack(tool)


@functools.cache
def ran(space, n=24):
    """The expert in ``n`` scenes: world, actions and tool positions, run once for all tests that look at them."""
    spec = {s.name: s for s in (DELTA_EEF, DELTA_JOINTS)}[space]
    world = ToyWorld(scenes(n), spec)
    return world, *run(world, Expert(n, spec))


SPACES = pytest.mark.parametrize("spec", [DELTA_EEF, DELTA_JOINTS], ids=lambda spec: spec.name)


@SPACES
def test_the_expert_keeps_the_contract_of_a_policy(spec):
    expert = Expert(2, spec)
    assert isinstance(expert, Policy)
    assert expert.action_spec.mismatches(spec) == []
    assert expert.privileged
    assert expert.cameras == ()


@SPACES
def test_the_expert_does_every_scene_in_time(spec):
    world, actions, _ = ran(spec.name)
    failed = {
        world.scenes[i].instruction: world.progress.failure_reason(i)
        for i in range(world.n)
        if not world.progress.succeeded[i]
    }
    assert not failed
    assert len(actions) < 0.8 * MAX_STEPS, "no time is left for what real physics costs"


@SPACES
def test_actions_stay_inside_the_limits_of_their_spec(spec):
    """What is clipped away is lost: relative actions would leave the arm beside where the expert thinks it is."""
    _, actions, _ = ran(spec.name)
    low, high = torch.tensor(spec.low).float(), torch.tensor(spec.high).float()
    share = torch.where(actions > 0, actions / high, actions / low).amax((0, 1))
    over = {c.name: round(float(s), 2) for c, s in zip(spec.channels, share, strict=True) if s > 1 + 1e-5}
    assert not over, f"channels and how far beyond their limit they go: {over}"


@SPACES
def test_objects_in_the_corners_are_reached_in_both_action_spaces(spec):
    """Near the base the arm is close to its limits of speed and angle."""
    (x0, x1), (y0, y1) = OBJECT_REGION
    turns = (-1.5, -0.75, 0.0, 0.75, 1.5)
    crossed = [corner_scene(x, y, yaw) for x in (x0, x1) for y in (y0, y1) for yaw in turns]
    world = ToyWorld(crossed, spec)
    actions, _ = run(world, Expert(world.n, spec), steps=200)
    low, high = torch.tensor(spec.low).float(), torch.tensor(spec.high).float()
    share = torch.where(actions > 0, actions / high, actions / low).amax((0, 1))
    over = {c.name: round(float(s), 2) for c, s in zip(spec.channels, share, strict=True) if s > 1 + 1e-5}
    failed = [
        (p.x, p.y, p.yaw)
        for p, ok in zip((s.target for s in crossed), world.progress.succeeded, strict=True)
        if not ok
    ]
    assert not failed, f"no success with the brick at x, y, yaw = {failed}; beyond their limits went {over}"
    assert not over, f"channels and how far beyond their limit they go: {over}"


def test_what_the_expert_asks_for_is_within_the_limits_of_the_arm():
    """The limiter has nothing to do, at no step of any scene."""
    world, actions, _ = ran(DELTA_JOINTS.name)
    limiter = MotionLimiter(PANDA.limits, DT, 0.01, world.n)
    command = torch.tensor([PANDA.home]).repeat(world.n, 1)
    limiter.begin(torch.arange(world.n), command)
    touched = torch.zeros(world.n, dtype=torch.long)
    for action in actions:
        command = command + action[:, :-1]
        limiter.follow(command)
        touched += limiter.touched
    assert not touched.any(), f"steps beyond the limits, of {len(actions)}: {touched.tolist()}"


def test_both_action_spaces_reach_the_same_places():
    _, _, eef = ran(DELTA_EEF.name)
    _, _, joints = ran(DELTA_JOINTS.name)
    steps = min(len(eef), len(joints))
    gap = (eef[:steps] - joints[:steps]).norm(dim=-1)
    assert gap.max() < 0.005, (
        f"the two are {1e3 * gap.max():.0f} mm apart at step {int(gap.amax(1).argmax())}"
    )


def test_the_tool_never_goes_into_the_table():
    _, _, tool = ran(DELTA_EEF.name)
    assert tool[..., 2].min() > FINGERTIP - 1e-4


def test_rows_do_not_touch_each_other():
    _, actions, _ = ran(DELTA_EEF.name)
    for row in (0, 11):
        world = ToyWorld(scenes(1, first=row))
        alone, _ = run(world, Expert(1), seeds=[row])
        torch.testing.assert_close(alone[:, 0], actions[: len(alone), row], atol=1e-4, rtol=0)


def test_a_row_that_begins_anew_does_what_it_would_do_at_first():
    expert = Expert(2, DELTA_EEF, grounding_error_px=4.0, latency_steps=2)
    world = ToyWorld(scenes(2))
    first, _ = run(world, expert, steps=30, seeds=[3, 4])
    run(ToyWorld(scenes(2, first=7)), expert, steps=60, seeds=[8, 9])
    again, _ = run(ToyWorld(scenes(2)), expert, steps=30, seeds=[3, 4])
    torch.testing.assert_close(again, first)


def test_the_hand_is_turned_by_a_quarter_at_most():
    """Joint 7 ends at 2.9 rad: a hand turned by more runs into it on one side."""
    turns = []
    world = ToyWorld(scenes(24))
    run(world, Expert(world.n), steps=60, each_step=lambda _: turns.append(world.rotation))
    _, home, _ = forward(torch.tensor([PANDA.home]))
    yaw = torch.stack([rotation_vector(r @ home.transpose(1, 2))[:, 2] for r in turns])
    assert yaw.abs().max() < np.pi / 2 + 0.02


# -- losing the object


def test_an_object_lost_on_the_way_is_picked_up_again():
    world, expert = ToyWorld(scenes(6)), Expert(6)
    lost = set()

    def slip(_):
        for row in range(world.n):
            if row not in lost and expert.phase[row] == CARRY and world.held[row] is not None:
                world.drop(row)
                lost.add(row)

    run(world, expert, each_step=slip)
    assert lost == set(range(6)), "the object was not carried: this test tests nothing"
    assert world.progress.succeeded.all()


def test_an_object_lost_over_the_receptacle_does_not_drag_the_arm_away():
    world, expert = ToyWorld(scenes(6)), Expert(6)
    lost = set()

    def slip(_):
        for row in range(world.n):
            if row not in lost and expert.phase[row] == LOWER and world.held[row] is not None:
                world.drop(row)
                world.pose[row, int(world.progress.target[row]), :2] += 0.03  # it bounces off the rim
                lost.add(row)

    _, tool = run(world, expert, each_step=slip)
    assert lost, "nothing was lowered: this test tests nothing"
    (x0, x1), (y0, y1) = OBJECT_REGION
    excess = torch.stack((x0 - tool[..., 0], tool[..., 0] - x1, y0 - tool[..., 1], tool[..., 1] - y1)).amax(
        (0, 1)
    )
    assert excess[sorted(lost)].max() < 0.1, f"the tool leaves the workspace by {excess.max():.2f} m"


# -- grounding


def claims_at_first(expert, world, seeds):
    expert.reset(range(world.n), seeds)
    return expert.act(world.observe()).grounding


def points(claim):
    return {p.label: np.array(p.uv) for p in claim.points}


def test_without_error_the_expert_says_the_truth():
    world = ToyWorld(scenes(4))
    for i, claim in enumerate(claims_at_first(Expert(4), world, range(4))):
        truth = true_grounding(world.view(), i)
        assert (claim.camera, claim.image_size) == (truth.camera, truth.image_size)
        assert {b.label for b in claim.boxes} == {TARGET, RECEPTACLE}
        for label, uv in points(truth).items():
            np.testing.assert_allclose(points(claim)[label], uv, atol=1e-3)
        for said, true in zip(claim.boxes, truth.boxes, strict=True):
            assert said.iou(true) == pytest.approx(1.0, abs=1e-4)


def test_the_true_place_is_where_the_middle_of_the_object_comes_to_rest():
    n = 8
    world = ToyWorld(scenes(n))
    said = [points(true_grounding(world.view(), i))[PLACE] for i in range(n)]
    run(world, Expert(n))
    view = world.view()
    assert view.in_place.all(), "something was not put down: this test tests nothing"
    rests = view.pixels(view.target_pose[:, None, :3])[:, 0]
    off = np.linalg.norm(rests.numpy() - np.stack(said), axis=1)
    assert off.max() < 0.1, f"{off.max():.1f} px beside it"


def test_the_noisy_expert_is_off_by_exactly_its_error_in_what_it_says():
    n = 16
    world, expert = ToyWorld(scenes(n)), Expert(n, grounding_error_px=4.0)
    for i, claim in enumerate(claims_at_first(expert, world, range(n))):
        truth = points(true_grounding(world.view(), i))
        for k, label in enumerate((GRASP, PLACE)):
            np.testing.assert_allclose(
                points(claim)[label] - truth[label], expert.error_px[i, k], atol=1e-3, err_msg=label
            )
    assert expert.error_px.norm(dim=-1).min() > 0
    assert float(expert.error_px.std()) == pytest.approx(4.0, rel=0.35), "64 draws"


def test_an_expert_that_errs_at_first_succeeds_where_one_that_always_errs_does_not():
    n = 16
    done = {}
    for attempts in (0, 1):
        world = ToyWorld(scenes(n))
        expert = Expert(n, grounding_error_px=12.0, error_attempts=attempts)
        run(world, expert, steps=400, seeds=list(range(n)))
        done[attempts] = world.progress.succeeded.sum().item()
    assert done[0] < n
    assert done[1] == n
    assert 0 < (expert.failed > 0).sum() < n, "a first attempt may be good enough, or not"
    assert (expert.failed < 2).all()


def test_the_error_depends_on_the_seed_of_the_episode_only():
    few, many = Expert(1, grounding_error_px=4.0), Expert(8, grounding_error_px=4.0)
    few.reset([0], [42])
    many.reset([3, 6], [1, 42])
    assert torch.equal(few.error_px[0], many.error_px[6])
    assert not torch.equal(many.error_px[3], many.error_px[6])
    doubled = Expert(1, grounding_error_px=8.0)
    doubled.reset([0], [42])
    torch.testing.assert_close(doubled.error_px, 2 * few.error_px)


def test_the_noisy_expert_goes_where_it_said():
    """Where it closes the hand is the claimed pixel, taken back to the height of the grasp."""
    n = 16
    world, expert = ToyWorld(scenes(n)), Expert(n, grounding_error_px=4.0)
    said = claims_at_first(expert, world, range(n))
    true = world.view().grasp_point(torch.zeros(n, dtype=torch.long))
    uv = torch.tensor(np.stack([points(claim)[GRASP] for claim in said]), dtype=torch.float32)
    meant = back_project(uv, *world.camera, CAMERA.intrinsics(), true[:, 2])
    closed = torch.full((n, 3), torch.nan)

    def watch(_):
        now = (expert.phase == CLOSE) & closed[:, 0].isnan()
        closed[now] = world.position[now]

    run(world, expert, steps=100, seeds=list(range(n)), each_step=watch)
    assert closed.isfinite().all(), "some hand never closed: this test tests nothing"
    off = (closed - meant)[:, :2].norm(dim=1)
    error = (meant - true)[:, :2].norm(dim=1)
    assert error.max() > 0.01, "the errors are too small to tell"
    assert off.max() < 0.003, f"it went {1e3 * off.max():.1f} mm beside where it said it would"


def test_the_trace_begins_at_the_tool_and_ends_at_the_place_it_claims():
    world = ToyWorld(scenes(4))
    claims = claims_at_first(Expert(4, grounding_error_px=4.0), world, range(4))
    tool = world.view().pixels(world.position[:, None])[:, 0]
    for i, claim in enumerate(claims):
        assert len(claim.trace) == 24
        np.testing.assert_allclose(claim.trace[0], tool[i], atol=1e-2)
        end = np.linalg.norm(np.subtract(claim.trace[-1], points(claim)[PLACE]))
        assert end < 40, (
            f"the trace ends {end:.0f} px from the claimed place"
        )  # above it by the object's height


def test_a_claim_is_made_every_second():
    world, expert = ToyWorld(scenes(1)), Expert(1)
    said = []
    run(world, expert, steps=61, each_step=lambda decision: said.append(decision.grounding[0] is not None))
    assert [i for i, yes in enumerate(said) if yes] == [0, 20, 40, 60]


# -- latency


@SPACES
@pytest.mark.parametrize("latency", [1, 2, 5])
def test_latency_shifts_actions_by_that_many_steps(spec, latency):
    """Both see the same states; what one does now, the other does later, and rests before."""
    world = ToyWorld(scenes(3), spec)
    prompt, late = Expert(3, spec), Expert(3, spec, latency_steps=latency)
    for expert in (prompt, late):
        expert.reset(range(3), range(3))
    now, later = [], []
    for _ in range(60):
        seen = world.observe()
        now.append(prompt.act(seen).actions[:, 0])
        later.append(late.act(seen).actions[:, 0])
        world.step(now[-1])
    torch.testing.assert_close(torch.stack(later[latency:]), torch.stack(now[:-latency]))
    assert (torch.stack(later[:latency])[..., :-1] == 0).all()
    assert (torch.stack(later[:latency])[..., -1] == 1).all()


def test_latency_is_the_experts_own_and_does_not_keep_it_from_succeeding_here():
    world = ToyWorld(scenes(8))
    run(world, Expert(8, latency_steps=3))
    assert world.progress.succeeded.all()


def test_the_names_tell_the_honest_expert_from_the_noisy_one():
    assert Expert(1).name == "expert"
    assert Expert(1, latency_steps=1).name == Expert(1, grounding_error_px=1.0).name == "noisy_expert"
