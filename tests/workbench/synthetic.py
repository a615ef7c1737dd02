"""A made-up pick-and-place episode: a Panda that moves along a smooth path, with drawn camera images.

Nothing is simulated, yet everything fits together: the tool is where the joints put it, the object is in the
hand from grasp to release, the images show the bodies where the calibration projects them, and the true grounding
is what one sees in them.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import trimesh
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation
from trimesh import creation

from policy.grounding import Box, Grounding, Point
from workbench.rollout.trajectory import BodyTrack, CameraTrack, Trajectory

CONTROL_DT = 0.05  # [s]
FRAME_EVERY = 2  # steps: 10 images a second
DECIDE_EVERY = 13  # steps
HOME = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])  # [rad]
DOWN = np.diag([1.0, -1.0, -1.0])  # rotation of a tool that points straight down
JOINTS = (*(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1", "panda_finger_joint2")
CHANNELS = ("dx [m]", "dy [m]", "dz [m]", "drot_x [rad]", "drot_y [rad]", "drot_z [rad]", "gripper [1]")
# Denavit-Hartenberg parameters of the Panda, Craig's convention: robots/franka/kinematics.py has their source.
_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)
_TOOL_ON_FLANGE = 0.107 + 0.1034  # [m]
_LIGHT = np.array([0.35, -0.4, 0.85])


def synthetic_trajectory(
    index: int = 17, steps: int = 130, success: bool = True, noise_px: float = 4.0, size: int = 224
) -> Trajectory:
    """Episode ``index``: "put the red cube on the blue plate".

    Args:
        steps: control steps; the motion is stretched to them.
        success: a failed episode lets go of the cube halfway.
        noise_px: standard deviation of the error of what the policy says [px at 224 x 224].
        size: width and height of both cameras' images [px].
    """
    rng = np.random.default_rng(index)
    cube_at = np.array([*rng.uniform((0.44, -0.15), (0.50, -0.09)), 0.025])
    plate_at = np.array([*rng.uniform((0.53, 0.12), (0.57, 0.16)), 0.01])
    tool, closed = _tool_path(cube_at, plate_at, steps)
    joints = _joint_path(tool)
    tool = np.stack([_forward(q)[0] for q in joints])
    tool_rotation = np.stack([_forward(q)[1] for q in joints])
    width = np.clip(_smooth(np.where(closed, 0.045, 0.08), 5), 0.045, 0.08)
    cube = _carried(cube_at, plate_at, tool, closed, success)
    still = np.ones((steps + 1, 1))
    red, blue, green = (0.80, 0.08, 0.08), (0.08, 0.20, 0.80), (0.10, 0.60, 0.15)
    bodies = (
        _body("cube_large", "target", "red cube", red, creation.box((0.05, 0.05, 0.05)), cube),
        _body("plate", "receptacle", "blue plate", blue, creation.cylinder(0.075, 0.02), still * plate_at),
        _body(
            "cone", "distractor", "green cone", green, creation.cone(0.03, 0.06), still * (0.62, -0.03, 0.03)
        ),
    )
    cameras = {"front": _front_camera(size, steps + 1), "wrist": _wrist_camera(size, tool, tool_rotation)}
    frame_steps = np.arange(0, steps + 1, FRAME_EVERY)
    # One claim is about the wrist camera's image, and the last decision makes none.
    seen_by = {
        int(s): "wrist" if i == 1 else "front" for i, s in enumerate(range(0, steps - 1, DECIDE_EVERY))
    }
    true = [(s, _truth(bodies, cameras[name], name, tool, s)) for s, name in seen_by.items()]
    said = [(s, _misjudged(claim, rng, noise_px * size / 224)) for s, claim in true]
    said[-1] = (said[-1][0], None)
    motion = np.diff(tool, axis=0)
    turns = _smooth(rng.normal(0, 0.02, (steps, 3)), 15)
    return Trajectory(
        record={
            "index": index,
            "task": "pick_place",
            "seed": 0,
            "instruction": "put the red cube on the blue plate",
            "factors": {
                "light.intensity": 0.83,
                "light.color": [1.0, 0.94, 0.88],
                "table.texture": "oak",
                "camera.front.yaw_deg": -1.7,
                "object.friction": 0.61,
                "object.mass_kg": 0.112,
            },
            "success": success,
            "failure_reason": None if success else "dropped",
            "steps": steps,
            "duration_s": round(steps * CONTROL_DT, 3),
            "time_to_success_s": round(steps * CONTROL_DT, 3) if success else None,
            "path_length_m": float(np.linalg.norm(motion, axis=1).sum()),
            "smoothness": None,
            "grounding": None,
            "wall_s": 1.0,
        },
        control_dt=CONTROL_DT,
        joint_names=JOINTS,
        joint_pos=np.column_stack([joints, width / 2, width / 2]),
        gripper_width=width,
        tool_position=tool,
        tool_rotation=tool_rotation,
        action_channels=CHANNELS,
        actions=np.column_stack([motion, turns, 1.0 - 2.0 * closed[1:]]),
        bodies=bodies,
        cameras=cameras,
        decisions=tuple(said),
        true_grounding=tuple(true),
        frame_steps=frame_steps,
        frames={
            name: tuple(_photograph(bodies, camera, tool, int(i)) for i in frame_steps)
            for name, camera in cameras.items()
        },
    )


def _tool_path(cube: np.ndarray, plate: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions ``[steps + 1, 3]`` through way points, and whether the gripper is closed ``[steps + 1]``."""
    above = np.array([0.0, 0.0, 0.16])
    place = np.array([*plate[:2], 0.05])
    points = np.stack(
        [
            _forward(HOME)[0],
            cube + above,
            cube,
            cube,
            cube + above,
            place + above,
            place,
            place,
            place + above,
        ]
    )
    times = np.array([0.0, 0.18, 0.32, 0.40, 0.52, 0.70, 0.82, 0.88, 1.0])
    at = np.linspace(0.0, 1.0, steps + 1)
    path = np.column_stack([np.interp(at, times, points[:, k]) for k in range(3)])
    return _smooth(path, max(3, steps // 16)), (at > 0.36) & (at < 0.85)


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Moving average over ``window`` rows, ends repeated."""
    rows = values.reshape(len(values), -1)
    padded = np.pad(rows, ((window // 2, window - 1 - window // 2), (0, 0)), mode="edge")
    kernel = np.full(window, 1.0 / window)
    return np.column_stack([np.convolve(c, kernel, "valid") for c in padded.T]).reshape(values.shape)


def _forward(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tool position ``[3]`` [m] and rotation ``[3, 3]`` of arm joints ``[7]`` [rad]."""
    pose = np.eye(4)
    for a, d, alpha, angle in zip(_A, _D, _ALPHA, q, strict=True):
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
        pose = pose @ [
            [c, -s, 0, a],
            [s * ca, c * ca, -sa, -sa * d],
            [s * sa, c * sa, ca, ca * d],
            [0, 0, 0, 1],
        ]
    rotation = pose[:3, :3] @ Rotation.from_euler("z", -np.pi / 4).as_matrix()
    return pose[:3, 3] + _TOOL_ON_FLANGE * pose[:3, 2], rotation


def _joint_path(tool: np.ndarray) -> np.ndarray:
    """Joints ``[N, 7]`` that hold the tool pointing down along positions ``[N, 3]``: damped least squares."""
    q, path = HOME.copy(), []
    for target in tool:
        for _ in range(4):
            error = _pose_error(q, target)
            step = 1e-6 * np.eye(7)
            jacobian = np.column_stack([(error - _pose_error(q + d, target)) / 1e-6 for d in step])
            q = q + jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-5 * np.eye(6), error)
        path.append(q)
    return np.stack(path)


def _pose_error(q: np.ndarray, target: np.ndarray) -> np.ndarray:
    position, rotation = _forward(q)
    return np.concatenate([target - position, Rotation.from_matrix(DOWN @ rotation.T).as_rotvec()])


def _carried(
    start: np.ndarray, plate: np.ndarray, tool: np.ndarray, closed: np.ndarray, success: bool
) -> np.ndarray:
    """Positions ``[N, 3]`` of the cube: at rest, in the hand, and where it was let go."""
    held = np.flatnonzero(closed)
    if not success:
        held = held[: 2 * len(held) // 3]
    cube = np.tile(start, (len(tool), 1))
    cube[held] = tool[held]
    cube[held[-1] + 1 :] = [*tool[held[-1], :2], 0.045 if success else 0.025]
    return cube


def _body(name, role, label, color, mesh: trimesh.Trimesh, positions: np.ndarray) -> BodyTrack:
    mesh.apply_translation(-mesh.bounds.mean(0))
    pose = np.column_stack([positions, np.tile([0.0, 0.0, 0.0, 1.0], (len(positions), 1))])
    return BodyTrack(name, role, label, color, np.array(mesh.vertices), np.array(mesh.faces), pose)


def _front_camera(size: int, count: int) -> CameraTrack:
    eye, target = np.array([1.43, 0.0, 0.65]), np.array([0.48, 0.0, 0.0])
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    rotation = np.column_stack([right, np.cross(forward, right), forward])
    return CameraTrack(
        size, size, _intrinsics(1.95, size), np.tile(eye, (count, 1)), np.tile(rotation, (count, 1, 1))
    )


def _wrist_camera(size: int, tool: np.ndarray, tool_rotation: np.ndarray) -> CameraTrack:
    position = tool + tool_rotation @ [0.07, 0.0, -0.12]
    tilt = Rotation.from_euler("zx", [np.pi / 2, np.radians(-15)]).as_matrix()
    return CameraTrack(size, size, _intrinsics(0.67, size), position, tool_rotation @ tilt)


def _intrinsics(focal: float, size: int) -> np.ndarray:
    return np.array([[focal * size, 0.0, size / 2], [0.0, focal * size, size / 2], [0.0, 0.0, 1.0]])


def _placed(body: BodyTrack, instant: int) -> np.ndarray:
    """Vertices ``[V, 3]`` [m] in the base frame."""
    pose = body.pose[instant]
    return Rotation.from_quat(pose[3:]).apply(body.vertices) + pose[:3]


def _truth(bodies, camera: CameraTrack, name: str, tool: np.ndarray, instant: int) -> Grounding:
    """Boxes around target and receptacle, grasp and place points, and the tool's path over the next steps."""
    boxes = []
    for body in bodies[:2]:
        pixels = camera.project(_placed(body, instant), instant)
        boxes.append(Box(body.label, (*pixels.min(0).tolist(), *pixels.max(0).tolist())))
    centers = camera.project(np.stack([bodies[0].pose[instant, :3], bodies[1].pose[instant, :3]]), instant)
    ahead = camera.project(tool[instant : instant + 2 * DECIDE_EVERY : 2], instant)
    ahead = ahead[np.isfinite(ahead).all(1)]
    return Grounding(
        camera=name,
        image_size=(camera.width, camera.height),
        boxes=tuple(boxes),
        points=(Point("grasp", tuple(centers[0].tolist())), Point("place", tuple(centers[1].tolist()))),
        trace=tuple(map(tuple, ahead.tolist())),
    )


def _misjudged(true: Grounding, rng: np.random.Generator, noise: float) -> Grounding:
    shift = rng.normal(0, noise, 2)
    return Grounding(
        camera=true.camera,
        image_size=true.image_size,
        boxes=tuple(
            Box(b.label, tuple((np.array(b.xyxy) + rng.normal(0, noise, 4)).tolist())) for b in true.boxes
        ),
        points=tuple(
            Point(p.label, tuple((np.array(p.uv) + rng.normal(0, noise, 2)).tolist())) for p in true.points
        ),
        trace=tuple(tuple((np.array(uv) + shift * i / 8).tolist()) for i, uv in enumerate(true.trace)),
    )


def _photograph(bodies, camera: CameraTrack, tool: np.ndarray, instant: int) -> bytes:
    """A JPEG of table and bodies, far faces first, and of the fingers."""
    image = Image.new("RGB", (camera.width, camera.height), (134, 138, 150))
    draw = ImageDraw.Draw(image)
    table = np.array([(x, y, 0.0) for x, y in ((-0.13, -0.45), (0.87, -0.45), (0.87, 0.45), (-0.13, 0.45))])
    edge = np.concatenate([np.linspace(table[i], table[(i + 1) % 4], 20) for i in range(4)])
    pixels = camera.project(edge, instant)
    if np.isfinite(pixels).all():
        draw.polygon([tuple(p) for p in pixels], fill=(176, 152, 122))
    else:
        image.paste((176, 152, 122), (0, 0, *image.size))
    faces = []
    solids = [(_placed(body, instant), body.faces, body.color) for body in bodies]
    for side in (-0.032, 0.032):
        finger = creation.box((0.02, 0.012, 0.07))
        solids.append((finger.vertices + tool[instant] + [0.0, side, 0.03], finger.faces, (0.35, 0.36, 0.38)))
    for vertices, triangles, color in solids:
        corners = vertices[triangles]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
        shade = 0.55 + 0.45 * np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
        distance = np.linalg.norm(corners.mean(1) - camera.position[instant], axis=1)
        facing = np.einsum("fi,fi->f", normal, camera.position[instant] - corners.mean(1)) > 0
        uv = camera.project(corners.reshape(-1, 3), instant).reshape(-1, 3, 2)
        for k in np.flatnonzero(facing & np.isfinite(uv).all((1, 2))):
            faces.append((distance[k], uv[k], tuple(int(255 * c * shade[k]) for c in color)))
    for _, triangle, fill in sorted(faces, key=lambda face: -face[0]):
        draw.polygon([tuple(p) for p in triangle], fill=fill)
    file = BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()
