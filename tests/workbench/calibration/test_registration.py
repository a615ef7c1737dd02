import numpy as np

from robots.collision_geometry import collision_geometry
from robots.registry import robot
from workbench.bridge.twin.scene import look_at
from workbench.calibration.captures import tool_of
from workbench.calibration.hand_eye import FIXED, HandEye
from workbench.calibration.lens import Lens
from workbench.calibration.poses import apart, from_six, matrix
from workbench.calibration.registration import Posed, depth_points, register
from workbench.calibration.robot_surface import RobotSurface
from workbench.calibration.synthetic import depth_picture

SIZE = (320, 240)


def test_depth_of_the_robot_halves_an_error_of_a_centimetre() -> None:
    model = robot("franka")
    geometry = collision_geometry(model)
    truth, known = RobotSurface(geometry, 0.003, seed=1), RobotSurface(geometry, 0.006, seed=2)
    lens = Lens(SIZE, (300.0, 300.0), (160.0, 120.0))
    rays = lens.rays(np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in SIZE)), -1))
    eye = np.array((1.3, 0.0, 0.6))
    camera = matrix(eye, look_at(eye, np.array((0.3, 0.0, 0.3))))
    random = np.random.default_rng(0)
    postures = []
    for _ in range(3):
        joints = np.array(model.spec.home) + random.uniform(-0.4, 0.4, 7)
        seen = depth_points(depth_picture(lens, camera, truth.at(joints)[0], random), rays)
        postures.append(Posed(seen[::3], tool_of("franka", joints), *known.at(joints)))
    start = HandEye(FIXED, camera @ from_six(np.array((0.0, 0.0, 0.0, 0.006, -0.006, 0.0053))), np.eye(4))
    found = register(start, postures, resamples=0)
    assert apart(start.camera, camera)[0] > 0.0099
    assert apart(found.hand_eye.camera, camera)[0] < 0.005
    assert found.after_m < found.before_m
