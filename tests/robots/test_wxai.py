"""The WidowX AI's model: numbers that agree, and boxes that hold the maker's meshes."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from robots.registry import arm
from robots.wxai.driver import GRIPPER_S, WxaiDriver

MODEL = arm("wxai")
PARTS = {link: [link] for link in ("base_link", *(f"link_{i}" for i in range(1, 6)))} | {
    "link_6": ["link_6", "camera_mount_d405"],
    "carriage_right": ["carriage_right", "gripper_right"],
    "carriage_left": ["carriage_left", "gripper_left"],
}
"""Links -> meshes of the maker's model that are on them."""
MOUNT = (0.012, 0.0, 0.0)
"""Where that model has the camera's mount on its link [m]."""


def test_chain_spec_and_driver_are_of_one_arm() -> None:
    spec, chain, driver = MODEL.spec, MODEL.chain, WxaiDriver("")
    assert chain.joints == spec.arm_joints
    np.testing.assert_allclose(chain.low, spec.limits.position_low)
    np.testing.assert_allclose(chain.high, spec.limits.position_high)
    assert driver.limits == spec.limits
    assert driver.home == spec.home
    assert spec.gripper_speed == pytest.approx(spec.gripper_max_width / 2 / GRIPPER_S)
    assert MODEL.gripper.joints == spec.finger_joints
    np.testing.assert_allclose(MODEL.gripper.width(MODEL.gripper.joints_at(np.array([0.05]))), 0.05)


def test_at_home_the_tool_is_level_and_where_lengths_of_links_put_it() -> None:
    position, rotation = MODEL.chain.pose(np.array([MODEL.spec.home]))
    assert position[0] == pytest.approx(
        (0.02 + 0.245 + 0.06775 + 0.02895 + 0.156, 0.0, 0.1035 + 0.264 + 0.06)
    )
    assert rotation[0, :, 2] == pytest.approx((1, 0, 0)), "it approaches forward"
    assert rotation[0, :, 1] == pytest.approx((0, 1, 0)), "and closes sideways"


def test_the_wrist_camera_sees_the_tool() -> None:
    mount = MODEL.wrist_camera
    assert np.linalg.norm(mount.rotation) == pytest.approx(1, abs=2e-3)
    x, y, z = mount.axes.T @ (np.array(MODEL.spec.tool_offset) - mount.position)
    assert z > 0.02
    assert max(abs(x), abs(y)) / z < np.tan(mount.field_of_view / 2)


def corners(link: str) -> np.ndarray:
    """Of a link's boxes ``[K, 3]`` [m]."""
    found = []
    for shape in ElementTree.parse(MODEL.urdf()).findall(f"link[@name='{link}']/collision"):
        centre = np.array(shape.find("origin").get("xyz").split(), float)  # type: ignore[union-attr]
        half = np.array(shape.find("geometry/box").get("size").split(), float) / 2  # type: ignore[union-attr]
        found += [centre + half * sign for sign in np.array(np.meshgrid(*3 * ((-1, 1),))).reshape(3, -1).T]
    return np.array(found)


@pytest.mark.parametrize("link", PARTS)
def test_boxes_hold_the_meshes(link: str) -> None:
    pytest.importorskip("trossen_arm_sim")
    trimesh = pytest.importorskip("trimesh")
    import trossen_arm_sim

    planes = ConvexHull(corners(link)).equations
    for name in PARTS[link]:
        mesh = trimesh.load_mesh(Path(trossen_arm_sim.__file__).parent / "assets" / f"{name}.stl")
        points = np.asarray(mesh.vertices) + (MOUNT if name == "camera_mount_d405" else 0.0)
        outside = (points @ planes[:, :3].T + planes[:, 3]).max()
        assert outside < 1e-6, f"{name} reaches {1000 * outside:.1f} mm out of its boxes"


def test_the_camera_is_inside_of_its_links_boxes() -> None:
    """By the maker's box about it, which is turned by 20 degrees."""
    half, centre = np.array((0.0155, 0.025, 0.025)), np.array((0.0513206, 0.0, 0.0569399))
    turn = Rotation.from_quat((0.0, 0.173648, 0.0, 0.984808)).as_matrix()
    signs = np.array(np.meshgrid(*3 * ((-1, 1),))).reshape(3, -1).T
    planes = ConvexHull(corners("link_6")).equations
    assert ((centre + (half * signs) @ turn.T) @ planes[:, :3].T + planes[:, 3]).max() < 1e-6
