"""Episodes that could have been: an arm follows a path by its kinematics, holds what it grasped, and cameras show it.

What `made_up` makes fits into files and nothing else; here every number follows from the others, as validation asks, at
the price of milliseconds instead of a simulator's minutes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from domain_rand import factors as _registered  # noqa: F401
from domain_rand.episode import draw_episode
from domain_rand.sets import load_set
from robots.franka import PANDA
from robots.franka.kinematics import forward, inverse
from robots.registry import robot
from tasks.cameras import look_at
from tasks.episode import EpisodeSpec
from tasks.tabletop.action_spaces import DELTA_EEF
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import front_camera, pool, wrist_camera
from tests.workbench.data.made_up import jpeg
from workbench.data.episode import DEPTH_UNIT, TRACE_POINTS, Body, CameraFrames, DatasetEpisode
from workbench.data.generate.annotate import demonstration, points_on, ways_ahead
from workbench.data.generate.silhouette import label_boxes
from workbench.data.projection import project_frames
from workbench.data.thumbnails import thumbnail
from workbench.data.validation.checks.boxes import outer_corners

SIZE = 96
SEED = 5
DOWN = Rotation.from_quat((1.0, 0.0, 0.0, 0.0))
HOVER, LIFT = 0.12, 0.22


@cache
def demonstrated_episode(
    index: int = 0, render: int = 0, stride: int = 2, images: bool = True, seed: int = SEED, late: int = 0
) -> DatasetEpisode:
    """One of them; renderings of an index differ in colours; pictures come ``late`` control steps late."""
    drawn = draw_episode(EpisodeSpec("pick_place", index, seed, "none"), load_set("none"))
    slots, scene = pool(), drawn.scene
    placed = [(slots[p.slot], p) for p in scene.placements]
    target, receptacle = placed[0], placed[1]
    tool, closed = _path(target, receptacle)
    command = _joints(tool)
    steps = len(closed)
    actions = np.zeros((steps, DELTA_EEF.dim), np.float32)
    actions[:, :3] = np.diff(tool, axis=0)
    actions[:, -1] = np.where(closed, -1.0, 1.0)
    position, rotation, _ = forward(torch.from_numpy(command))
    ee = np.concatenate((position.numpy(), Rotation.from_matrix(rotation.numpy()).as_quat()), 1)
    grip = target[0].radius
    width = _width(closed, grip)
    bodies = _poses(placed, ee, closed)
    told = np.concatenate(([False], closed))
    shown = demonstration(told, ee, width, bodies[:, 0], bodies[:, 1])
    frames = np.arange(0, steps, stride)
    seen = np.maximum(frames - late, 0)
    joints = command.astype(np.float32)
    hz = DELTA_EEF.control_hz
    trace = ways_ahead(ee[:, :3].astype(np.float32), shown.phase, seen)
    roles = ("target", "receptacle", *("distractor",) * (len(placed) - 2))
    common = {
        "name": f"{index:06d}-{render:02d}",
        "render": render,
        "record": {
            "index": index, "task": "pick_place", "seed": seed, "instruction": scene.instruction,
            "factors": drawn.factors, "success": True, "failure_reason": None, "steps": steps,
        },
        "factors": drawn.factors,
        "paraphrases": (f"please {scene.instruction}",),
    }  # fmt: skip
    pose = ee.astype(np.float32)
    return DatasetEpisode(
        **common,
        control_hz=hz,
        action_spec=DELTA_EEF,
        base_pose=np.array((0, 0, 0, 0, 0, 0, 1), np.float32),
        bodies=tuple(
            Body(p.slot, role, p.describe(slots), tuple(map(float, slot.body.visual.extents * slot.scale)))
            for (slot, p), role in zip(placed, roles, strict=True)
        ),
        actions=actions,
        joint_pos=joints,
        joint_vel=np.gradient(command, axis=0).astype(np.float32) * hz,
        gripper_width=width.astype(np.float32),
        ee_pose=pose,
        commanded_joints=joints,
        measured_joint_pos=joints,
        measured_ee_pose=pose,
        measured_gripper_width=width.astype(np.float32),
        body_pose=bodies.astype(np.float32),
        phase=shown.phase,
        grasp=shown.grasp,
        contact=shown.contact,
        place=shown.place,
        frame_steps=frames,
        shown_steps=seen,
        trace=trace,
        cameras={
            name: _camera(
                name, pose[seen],
                bodies[seen].astype(np.float32), placed, shown, trace, index, render, images
            )
            for name in ("front", "wrist")
        },
    )  # fmt: skip


def _path(target, receptacle) -> tuple[np.ndarray, np.ndarray]:
    """Tool positions ``[T + 1, 3]`` [m] and whether the hand is told to be closed ``[T]``."""
    (slot, at), (_, to) = target, receptacle
    low = slot.height / 2
    home = forward(torch.tensor(PANDA.home, dtype=torch.float64)[None])[0][0].numpy()
    there, drop = np.array((at.x, at.y, 0.0)), np.array((to.x, to.y, 0.0))

    def above(spot: np.ndarray, height: float) -> np.ndarray:
        return spot + np.array((0.0, 0.0, height))

    legs = [
        (above(there, HOVER), 18, False), (above(there, low), 6, False), (above(there, low), 4, True),
        (above(there, LIFT), 7, True), (above(drop, LIFT), 14, True), (above(drop, low + 0.05), 6, True),
        (above(drop, low + 0.05), 3, False), (above(drop, LIFT), 6, False),
    ]  # fmt: skip
    points, closed = [home], []
    for stop, count, shut in legs:
        begin = points[-1]
        ease = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, count + 1) / count)
        points += [begin + share * (stop - begin) for share in ease]
        closed += [shut] * count
    return np.array(points), np.array(closed)


def _joints(tool: np.ndarray) -> np.ndarray:
    q = torch.tensor(PANDA.home, dtype=torch.float64)[None]
    wanted = forward(q)[1]
    found = []
    for point in tool:
        q = inverse(torch.from_numpy(point)[None], wanted, q, iterations=3)
        found.append(q[0].numpy())
    return np.array(found)


def _width(closed: np.ndarray, grip: float) -> np.ndarray:
    width = [0.08]
    for shut in closed:
        width.append(max(grip, width[-1] - 0.02) if shut else min(0.08, width[-1] + 0.02))
    return np.array(width)


def _poses(placed, ee: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """``[T + 1, P, 7]``: at rest, but for the object while the hand is closed on it."""
    poses = np.zeros((len(ee), len(placed), 7))
    for k, (slot, p) in enumerate(placed):
        poses[:, k, :3] = (p.x, p.y, slot.height / 2)
        poses[:, k, 3:] = Rotation.from_euler("z", p.yaw).as_quat()
    first, last = int(np.argmax(closed)) + 3, len(closed) - int(np.argmax(closed[::-1]))
    for t in range(first, len(ee)):
        poses[t, 0, :3] = poses[first, 0, :3] + ee[min(t, last), :3] - ee[first, :3]
    return poses


def _camera(name, ee, bodies, placed, shown, trace, index, render, images) -> CameraFrames:
    spec = front_camera(SIZE) if name == "front" else wrist_camera(SIZE)
    frames = len(ee)
    if name == "front":
        eye, middle = torch.tensor([spec.eye]), torch.tensor([spec.target])
        position = np.repeat(eye.double().numpy(), frames, 0)
        rotation = np.repeat(look_at(eye, middle).double().numpy(), frames, 0)
    else:
        axes = Rotation.from_quat(ee[:, 3:]).as_matrix()
        mounted, turned = robot().wrist_camera.in_tool(PANDA)
        position, rotation = ee[:, :3] + axes @ mounted, axes @ turned
    k = spec.intrinsics().double().numpy()
    distortion = 0.0

    def pixels(points: np.ndarray) -> np.ndarray:
        return project_frames(points, position, rotation, k, distortion).astype(np.float32)

    pictures, masks, depths, boxes, visibility = [], [], [], [], []
    for f in range(frames):
        picture, mask, depth, areas = _drawn(f, bodies, placed, position, rotation, k, index, render)
        found, counts = label_boxes(mask.astype(int) - 1, len(placed))
        pictures.append(picture)
        masks.append(mask)
        depths.append(depth)
        boxes.append(found)
        visibility.append([min(1.0, n / a) if n and a else 0.0 for n, a in zip(counts, areas, strict=True)])
    on_object = pixels(points_on(bodies[:, 0], np.concatenate((shown.grasp[:1], shown.contact))))
    return CameraFrames(
        width=SIZE,
        height=SIZE,
        jpeg=tuple(jpeg(picture) for picture in pictures),
        intrinsics=k.astype(np.float32),
        distortion=distortion,
        position=position.astype(np.float32),
        rotation=rotation.astype(np.float32),
        boxes=np.array(boxes, np.float32),
        visibility=np.array(visibility, np.float32),
        grasp=on_object[:, 0],
        contact=on_object[:, 1:],
        place=pixels(points_on(bodies[:, 1], shown.place[None]))[:, 0],
        trace=pixels(trace).reshape(-1, TRACE_POINTS, 2),
        depth=np.array(depths) if images else None,
        mask=np.array(masks) if images else None,
        thumbnails=np.array([thumbnail(picture) for picture in pictures]),
    )


def _drawn(f, bodies, placed, position, rotation, k, index, render):
    """A picture, mask and depth of one frame, far bodies first, and each body's area [px^2]."""
    rng = np.random.default_rng([index, render, 7])
    background = rng.integers(60, 200, 3)
    picture = np.broadcast_to(background, (SIZE, SIZE, 3)).astype(np.uint8)
    # Something that tells the episode: a patch whose place and colour are its own.
    u, v = rng.integers(0, SIZE // 2, 2)
    picture[v : v + SIZE // 2, u : u + SIZE // 3] = rng.integers(60, 200, 3)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    depth = np.full((SIZE, SIZE), round(1.3 / DEPTH_UNIT), np.uint16)
    ahead = [(bodies[f, i, :3] - position[f]) @ rotation[f][:, 2] for i in range(len(placed))]
    areas = [0.0] * len(placed)
    for i in np.argsort(ahead)[::-1]:
        corners = project_frames(
            points_on(bodies[f : f + 1, i], outer_corners(placed[i][0].name)), position[f : f + 1],
            rotation[f : f + 1], k, 0.0,
        )[0]  # fmt: skip
        if np.isnan(corners).any() or ahead[i] < 0.05:
            continue
        hull = ConvexHull(corners)
        areas[i] = hull.volume  # in the plane, Qhull's volume is the area
        shape = Image.new("1", (SIZE, SIZE))
        outline = corners[hull.vertices] - 0.5
        ImageDraw.Draw(shape).polygon([tuple(p) for p in outline.tolist()], fill=1)
        inside = np.asarray(shape)
        picture[inside] = (255 * np.array(COLORS[placed[i][1].color])).astype(np.uint8)
        mask[inside] = i + 1
        depth[inside] = round(ahead[i] / DEPTH_UNIT)
    return picture, mask, depth, areas
