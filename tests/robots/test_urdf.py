"""What is read of a URDF, and one sentence for what cannot be used."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from robots.chain import chain_from_urdf
from robots.urdf import UrdfError, read_urdf, rotation_of_rpy

LIMIT = '<limit lower="-1" upper="2" effort="1" velocity="1"/>'


def joint(name, parent, child, kind="revolute", inside=LIMIT):
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{inside}</joint>'
    )


def robot(*joints, links="abcd"):
    return (
        "<robot name='r'>"
        + "".join(f"<link name='{link}'/>" for link in links)
        + "".join(joints)
        + "</robot>"
    )


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "robot.urdf"
        path.write_text(text)
        return path

    return write


def test_a_joint_is_read_with_its_frame_axis_and_limits(written):
    inside = '<origin xyz="1 2 3" rpy="0 0 1.5707963267948966"/><axis xyz="0 3 4"/>' + LIMIT
    found = read_urdf(written(robot(joint("j", "a", "b", inside=inside)))).joints[0]
    assert (found.name, found.kind, found.parent, found.child) == ("j", "revolute", "a", "b")
    assert (found.low, found.high) == (-1.0, 2.0)
    np.testing.assert_allclose(found.position, (1, 2, 3))
    np.testing.assert_allclose(found.rotation @ (1, 0, 0), (0, 1, 0), atol=1e-15)
    np.testing.assert_allclose(found.axis, (0, 0.6, 0.8))


def test_what_a_joint_leaves_out_is_what_the_format_says(written):
    """No origin: the parent's frame. No axis: x. A continuous joint has no limits."""
    found = read_urdf(written(robot(joint("j", "a", "b", "continuous", inside="")))).joints[0]
    np.testing.assert_array_equal(found.axis, (1, 0, 0))
    np.testing.assert_array_equal(found.position, np.zeros(3))
    np.testing.assert_array_equal(found.rotation, np.eye(3))
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_roll_pitch_and_yaw_turn_about_fixed_axes():
    rpy = np.array((0.3, -0.7, 1.9))
    np.testing.assert_allclose(rotation_of_rpy(rpy), Rotation.from_euler("xyz", rpy).as_matrix(), atol=1e-15)


def test_the_path_runs_from_base_to_tip(written):
    urdf = read_urdf(written(robot(joint("2", "b", "c"), joint("1", "a", "b"), joint("x", "b", "d"))))
    assert [j.name for j in urdf.path_to("c")] == ["1", "2"]
    assert [j.name for j in urdf.path_to("c", base="b")] == ["2"]
    assert urdf.path_to("b", base="b") == ()


MIMIC = LIMIT + '<mimic joint="other"/>'
REFUSED = {
    "closed loop": (
        robot(joint("1", "a", "b"), joint("2", "a", "c"), joint("3", "b", "d"), joint("4", "c", "d")),
        r"link 'd' hangs on two joints, '3' and '4'; closed loops are not supported",
    ),
    "ring": (
        robot(joint("1", "d", "b"), joint("2", "b", "c"), joint("3", "c", "d")),
        "the links above 'd' form a loop through joint '3'",
    ),
    "planar": (robot(joint("1", "a", "d", "planar")), "joint '1' on the way to 'd' is planar; a serial chain can"),
    "floating": (robot(joint("1", "a", "d", "floating")), "joint '1' on the way to 'd' is floating; a serial"),
    "mimic": (robot(joint("1", "a", "d", inside=MIMIC)), "joint '1' on the way to 'd' follows joint 'other'"),
    "type": (robot(joint("1", "a", "d", "hinge")), "joint '1' is of type 'hinge'; the format knows revolute"),
    "tip": (robot(links="ab"), "there is no link 'd'; there are a, b"),
    "link": (robot(joint("1", "a", "z")), "joint '1' names the link 'z', which the file does not have"),
    "nothing moves": (robot(joint("1", "a", "d", "fixed", "")), "no joint between 'the root' and 'd' moves"),
    "no limit": (robot(joint("1", "a", "d", inside="")), "joint '1' has no <limit>, which its type asks for"),
    "limits crossed": (
        robot(joint("1", "a", "d", inside='<limit lower="2" upper="1"/>')),
        "the lower limit of joint '1', 2, is above the upper one, 1",
    ),
    "no parent": (
        robot(f'<joint name="1" type="revolute"><child link="d"/>{LIMIT}</joint>'),
        "joint '1' has no <parent>",
    ),
    "no name": (robot('<joint type="fixed"/>'), "a joint has no 'name'"),
    "no axis": (robot(joint("1", "a", "d", inside=LIMIT + '<axis xyz="0 0 0"/>')), "axis of joint '1' is zero"),
    "two numbers": (
        robot(joint("1", "a", "d", inside=LIMIT + '<origin xyz="0 1"/>')),
        "the xyz of joint '1' is '0 1'; three numbers are needed",
    ),
    "a word": (
        robot(joint("1", "a", "d", inside=LIMIT + '<origin rpy="0 0 pi"/>')),
        "the rpy of joint '1' holds 'pi'; a finite number is needed",
    ),
    "nan": (robot(joint("1", "a", "d", inside='<limit lower="nan"/>')), "lower limit of joint '1' holds 'nan'"),
    "not XML": ("<robot><link</robot>", "is not well-formed XML"),
    "another format": ("<mujoco/>", "holds <mujoco>; a URDF file holds <robot>"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence_with_the_file(written, name):
    text, sentence = REFUSED[name]
    path = written(text)
    with pytest.raises(UrdfError) as problem:
        chain_from_urdf(path, "d")
    message = str(problem.value)
    assert sentence in message
    assert str(path) in message
    assert "\n" not in message


def test_a_tip_that_does_not_hang_on_the_base_is_refused(written):
    path = written(robot(joint("1", "a", "b"), joint("2", "c", "d")))
    with pytest.raises(UrdfError, match="link 'd' does not hang on 'a'; the tree above it ends at 'c'"):
        chain_from_urdf(path, "d", base="a")


def test_what_is_not_on_the_way_may_be_of_any_type(written):
    path = written(robot(joint("1", "a", "b"), joint("2", "b", "c", "floating")))
    assert chain_from_urdf(path, "b").joints == ("1",)
