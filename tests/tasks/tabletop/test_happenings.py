"""What disturbances do to a scene, and what they leave alone; with a scene that only takes note."""

from types import SimpleNamespace

import pytest
import torch

from robots.registry import robot
from tasks.episode import EpisodeSpec
from tasks.pick_place.progress import Progress
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.composition import random_scene
from tasks.tabletop.disturbances import PUSH_S, Disturbances, Happening
from tasks.tabletop.dropped import dropped
from tasks.tabletop.happenings import DROP_HEIGHT, IN_HAND, let_happen, note_pushes
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import MAX_SPEED
from tasks.tabletop.workspace import LEAST_CLEARANCE, PARKING, pool

pytestmark = pytest.mark.usefixtures("one_thread")

SLOTS = pool()
ROW = {name: i for i, name in enumerate(SLOTS)}
BODIES = BodyTable(SLOTS.values())
FAR = (0.3, 0.0, 0.5)
SHARES = tuple((x / 14, y / 14) for x in range(15) for y in range(15))
DOWN = torch.diag(torch.tensor((1.0, -1.0, -1.0)))


class Scene:
    """One environment in which a scene stands as it was drawn."""

    def __init__(self, index=0):
        scene = random_scene(EpisodeSpec("pick_place", index, 4))
        self.device, self.scenes, self.slot_index = "cpu", [scene], ROW
        self.body_pose_on_table = torch.zeros(1, len(SLOTS), 7)
        self.body_pose_on_table[..., :3], self.body_pose_on_table[..., 6] = torch.tensor(PARKING), 1.0
        for p in scene.placements:
            at = torch.tensor((p.x, p.y, SLOTS[p.slot].height / 2))
            self.body_pose_on_table[0, ROW[p.slot], :3] = at
        self.target, self.robot_model = ROW[scene.target.slot], robot()
        self.progress = Progress(BODIES, 1, 0.05)
        self.progress.begin(
            0, self.target, ROW[scene.receptacle.slot], [ROW[p.slot] for p in scene.placements]
        )
        self.disturbances = Disturbances(1)
        self.disturbances.begin([0], [1])
        self.dynamics = SimpleNamespace(masses=torch.full((1, len(SLOTS)), 0.1))
        speed = torch.ones(1, len(SLOTS), 6)
        self.bodies = SimpleNamespace(
            data=SimpleNamespace(body_com_vel_w=SimpleNamespace(torch=speed)),
            write_body_com_velocity_to_sim_index=lambda body_velocities, env_ids: self.note(body_velocities),
        )
        self.velocity, self.written = None, None
        self.hand(FAR)

    def note(self, velocity):
        self.velocity = velocity

    def write_body_poses(self, ids, pose):
        self.written = pose[0].clone()

    def hand(self, at):
        self.tool_on_table = torch.tensor([at]), DOWN[None]

    def look(self):
        still = torch.zeros(1, len(SLOTS), 6)
        fingers = torch.full((1, 2), robot().gripper.max_width / 2)
        self.progress.update(
            State(self.body_pose_on_table, still, *self.tool_on_table, fingers, torch.zeros(1, 7))
        )

    def happen(self, **what):
        self.written = None
        let_happen(self, Happening(0, **what))
        return self.written

    def gaps(self, pose, body):
        """Room between a body and all that stood on the table before [m]."""
        stood = [ROW[p.slot] for p in self.scenes[0].placements if ROW[p.slot] != body]
        radius = torch.tensor([s.radius for s in SLOTS.values()])
        return (pose[stood, :2] - pose[body, :2]).norm(dim=1) - radius[stood] - radius[body]


@pytest.mark.parametrize("index", range(30))
@pytest.mark.parametrize("distance", [0.02, 0.15])
def test_the_named_object_is_moved_to_a_free_place_or_not_at_all(index, distance):
    """Receptacles are no free place: no disturbance does the task."""
    scene = Scene(index)
    before = scene.body_pose_on_table[0].clone()
    toward = before[scene.progress.receptacle[0], :2] - before[scene.target, :2]
    way = (distance * toward / toward.norm()).tolist()
    written = scene.happen(move_target=tuple(way))
    if written is not None:
        moved = written - before
        assert float(moved[scene.target, :2].norm()) == pytest.approx(distance, abs=1e-6)
        assert (moved.abs().sum(1) > 0).nonzero()[:, 0].tolist() == [scene.target]
        assert scene.gaps(written, scene.target).min() >= LEAST_CLEARANCE - 1e-6
        assert scene.velocity[0, scene.target].abs().max() == 0
        assert scene.velocity[0, scene.target - 1].min() == 1, "another body was stopped"


def test_what_was_moved_must_be_reached_again():
    scene = Scene()
    scene.hand(tuple(scene.body_pose_on_table[0, scene.target, :3].tolist()))
    scene.look()
    assert bool(scene.progress.by_hand[0])
    scene.hand(FAR)
    assert scene.happen(move_target=(0.02, 0.0)) is not None
    assert not bool(scene.progress.by_hand[0])


def test_a_move_waits_while_the_hand_may_hold_the_object():
    scene = Scene()
    at = scene.body_pose_on_table[0, scene.target, :3]
    scene.hand((*at[:2].tolist(), float(at[2]) + IN_HAND - 0.001))
    put_off = []
    scene.disturbances.postpone_move = put_off.append
    assert scene.happen(move_target=(0.02, 0.0)) is None
    assert put_off == [0]
    scene.hand((*at[:2].tolist(), 0.4))
    assert scene.happen(move_target=(0.02, 0.0)) is not None
    assert put_off == [0]


def test_what_lies_in_its_place_stays_there():
    scene = Scene()
    holder = scene.body_pose_on_table[0, scene.progress.receptacle[0], :3]
    up = float(BODIES.floor[scene.progress.receptacle[0]] + BODIES.height[scene.target] / 2)
    scene.body_pose_on_table[0, scene.target, :3] = holder + torch.tensor((0.0, 0.0, up))
    scene.look()
    assert scene.happen(move_target=(0.02, 0.0)) is None


@pytest.mark.parametrize("index", range(20))
def test_another_object_falls_onto_a_free_place_away_from_the_hand(index):
    scene = Scene(index)
    low = (0.45, 0.0, 0.15)
    scene.hand(low)
    body = ROW[dropped(scene.scenes[0])[0]]
    written = scene.happen(drop_at=SHARES)
    if written is None:
        assert not scene.progress.fell_in.any()
        return
    assert float(written[body, 2]) == pytest.approx(DROP_HEIGHT)
    assert scene.gaps(written, body).min() >= LEAST_CLEARANCE - 1e-6
    assert float((written[body, :2] - torch.tensor(low[:2])).norm()) > 0.11
    assert scene.progress.fell_in[0].nonzero()[:, 0].tolist() == [body]
    assert bool(scene.progress.active[0, body])


def test_most_scenes_have_room_for_what_falls():
    assert sum(Scene(index).happen(drop_at=SHARES) is not None for index in range(60)) >= 57


def test_the_judge_is_told_how_fast_a_push_makes_the_object():
    scene = Scene()
    scene.disturbances.object_force[0, 0] = 0.5 / PUSH_S
    note_pushes(scene)
    assert float(scene.progress.speed_limit[0]) == pytest.approx(MAX_SPEED + 0.5 / 0.1)
    assert not bool(scene.progress.by_hand[0])
