"""The Panda's USD and the cache that it comes from: whole or rebuilt, never half."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import robots.asset_cache as asset_cache
from robots.asset_cache import MANIFEST, cache_root, cached, hash_files, is_whole
from robots.franka import PANDA, asset

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:collada")

KEY = "0123456789abcdef" * 4


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    return tmp_path / "assets"


class Build:
    """Writes two files and counts how often it was asked to."""

    def __init__(self, text="content"):
        self.times, self.text = 0, text

    def __call__(self, folder):
        self.times += 1
        (folder / "part").mkdir()
        (folder / "part" / "mesh.usd").write_text(self.text)
        (folder / "root.usd").write_text(self.text * 2)


# -- the cache


def test_the_cache_lies_where_the_environment_says(cache):
    assert cache_root() == cache.parent
    assert cached("thing", KEY, Build()).parent == cache


def test_what_is_whole_is_built_once(cache):
    build = Build()
    folders = [cached("thing", KEY, build) for _ in range(3)]
    assert build.times == 1
    assert len(set(folders)) == 1
    assert (folders[0] / "part" / "mesh.usd").read_text() == "content"
    assert list(cache.iterdir()) == folders[:1], "the build left something behind"


def test_other_inputs_are_another_entry(cache):
    build = Build()
    assert cached("thing", KEY, build) != cached("thing", KEY[::-1], build)
    assert build.times == 2


DAMAGE = {
    "a changed byte": lambda folder: (folder / "root.usd").write_text("contentcontenT"),
    "a truncated file": lambda folder: (folder / "part" / "mesh.usd").write_text("con"),
    "a missing file": lambda folder: (folder / "part" / "mesh.usd").unlink(),
    "a missing manifest": lambda folder: (folder / MANIFEST).unlink(),
    "a truncated manifest": lambda folder: (folder / MANIFEST).write_text('{"root.usd": "0'),
    "a manifest of zeros": lambda folder: (folder / MANIFEST).write_bytes(bytes(200)),
    "an empty manifest": lambda folder: (folder / MANIFEST).write_text("{}"),
    "a manifest of another kind": lambda folder: (folder / MANIFEST).write_text("[1, 2]"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_built_again(cache, damage):
    build = Build()
    folder = cached("thing", KEY, build)
    damage(folder)
    assert cached("thing", KEY, build) == folder
    assert build.times == 2, "the damage went unnoticed"
    assert is_whole(folder)
    assert (folder / "part" / "mesh.usd").read_text() == "content"
    assert list(cache.iterdir()) == [folder], "the damaged entry was left lying"


def test_a_build_that_fails_leaves_no_entry_and_the_next_one_succeeds(cache):
    def failing(folder):
        (folder / "root.usd").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cached("thing", KEY, failing)
    assert list(cache.iterdir()) == []
    assert is_whole(cached("thing", KEY, Build()))


def test_a_build_that_writes_nothing_is_an_error(cache):
    with pytest.raises(RuntimeError, match="'thing' produced no file"):
        cached("thing", KEY, lambda folder: None)


def test_what_a_killed_build_left_behind_does_not_matter(cache):
    program = (
        "import os, sys; from robots.asset_cache import cached\n"
        "def build(folder):\n"
        "    (folder / 'root.usd').write_text('half')\n"
        "    os._exit(9)\n"
        f"cached('thing', {KEY!r}, build)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert list(cache.iterdir()), "the killed build left nothing: this test tests nothing"
    build = Build()
    folder = cached("thing", KEY, build)
    assert build.times == 1
    assert is_whole(folder)


def test_two_processes_that_build_at_once_both_get_a_whole_entry(cache):
    program = (
        "import sys, time; from robots.asset_cache import cached, is_whole\n"
        "def build(folder):\n"
        "    (folder / 'root.usd').write_text('content')\n"
        "    print('building', flush=True)\n"
        "    sys.stdin.readline()\n"
        f"folder = cached('thing', {KEY!r}, build)\n"
        "print(is_whole(folder), folder)"
    )
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", program], **start) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "building\n"  # both are inside `build` now
    said = {process.communicate("go\n", timeout=60)[0] for process in both}
    (line,) = said
    assert line == f"True {cache / ('thing-' + KEY[:16])}\n"
    assert len(list(cache.iterdir())) == 1


def test_another_process_that_finishes_first_wins(cache):
    def build(folder):
        cached("thing", KEY, Build("theirs"))
        Build("ours")(folder)

    folder = cached("thing", KEY, build)
    assert is_whole(folder)
    assert (folder / "part" / "mesh.usd").read_text() == "theirs"
    assert list(cache.iterdir()) == [folder]


def test_two_processes_may_repair_the_same_entry(cache, monkeypatch):
    folder = cached("thing", KEY, Build())
    (folder / "root.usd").write_text("damaged")
    looks = []

    def look(path):
        whole = is_whole(path)
        looks.append(whole)
        if len(looks) == 2:  # seen to be damaged a second time; before it is moved, another process moves it
            path.rename(path.with_name("taken-by-another-process"))
        return whole

    monkeypatch.setattr(asset_cache, "is_whole", look)
    assert is_whole(cached("thing", KEY, Build()))


def test_the_hash_of_files_changes_with_names_contents_and_order(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("x")
    b.write_text("x")
    hashes = {hash_files([a]), hash_files([b]), hash_files([a, b]), hash_files([b, a])}
    a.write_text("y")
    assert len(hashes | {hash_files([a])}) == 5


# -- the Panda


@pytest.fixture(scope="module")
def panda(tmp_path_factory):
    """The Panda built into an empty cache."""
    before = os.environ.get("WORKBENCH_CACHE")
    os.environ["WORKBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield asset.usd_path()
    if before is None:
        del os.environ["WORKBENCH_CACHE"]
    else:
        os.environ["WORKBENCH_CACHE"] = before


@pytest.fixture(scope="module")
def stage(panda):
    from pxr import Usd

    return Usd.Stage.Open(str(panda))


@pytest.fixture(scope="module")
def prims(stage):
    """Every prim of the robot, also those inside instances; valid while the stage is open."""
    from pxr import Usd

    return list(stage.Traverse(Usd.TraverseInstanceProxies()))


def test_the_panda_is_built_into_an_empty_cache(panda):
    assert panda.is_file()
    assert is_whole(panda.parent)


def test_a_damaged_panda_is_built_again(panda, cache):
    shutil.copytree(panda.parents[1], cache)
    copy = cache / panda.relative_to(panda.parents[1])
    copy.write_bytes(panda.read_bytes()[:1000])
    assert asset.usd_path() == copy
    assert is_whole(copy.parent)
    assert copy.stat().st_size > 1000


def joints(prims):
    from pxr import UsdPhysics

    return {p.GetName(): p for p in prims if p.IsA(UsdPhysics.Joint)}


def test_every_moving_joint_has_a_drive_with_the_robots_force_limit(prims):
    from pxr import UsdPhysics

    expected = dict(zip(PANDA.arm_joints, PANDA.limits.torque, strict=True))
    expected |= dict.fromkeys(PANDA.finger_joints, PANDA.gripper_force)
    drives = {}
    for name, prim in joints(prims).items():
        for kind in ("angular", "linear"):
            if prim.HasAPI(UsdPhysics.DriveAPI, kind):
                drives[name] = UsdPhysics.DriveAPI(prim, kind).GetMaxForceAttr().Get()
    assert drives == pytest.approx(expected)
    assert len(drives) == 9


def test_joint_limits_are_those_of_the_spec(prims):
    from pxr import UsdPhysics

    for i, name in enumerate(PANDA.arm_joints):
        joint = UsdPhysics.RevoluteJoint(joints(prims)[name])
        limits = np.radians((joint.GetLowerLimitAttr().Get(), joint.GetUpperLimitAttr().Get()))
        np.testing.assert_allclose(
            limits, (PANDA.limits.position_low[i], PANDA.limits.position_high[i]), atol=1e-5, err_msg=name
        )


def test_nothing_but_isaac_lab_pins_the_base(prims):
    from pxr import UsdPhysics

    to_the_world = [
        name
        for name, prim in joints(prims).items()
        if not (
            UsdPhysics.Joint(prim).GetBody0Rel().GetTargets()
            and UsdPhysics.Joint(prim).GetBody1Rel().GetTargets()
        )
    ]
    assert to_the_world == [], "a joint of the file's own holds the base"
    assert "root_joint" not in joints(prims)


def test_fingers_are_not_coupled_by_a_mimic_joint(prims):
    for name in PANDA.finger_joints:
        prim = joints(prims)[name]
        assert not [s for s in prim.GetAppliedSchemas() if "Mimic" in s], name
        assert not [p for p in prim.GetPropertyNames() if "mimic" in p.lower()], name


def test_every_collision_mesh_is_a_convex_hull(prims):
    from pxr import UsdGeom, UsdPhysics

    meshes = [p for p in prims if p.HasAPI(UsdPhysics.CollisionAPI) and p.IsA(UsdGeom.Mesh)]
    assert len(meshes) == 9, "eight arm links and the hand collide as meshes"
    for prim in meshes:
        kind = UsdPhysics.MeshCollisionAPI(prim).GetApproximationAttr().Get()
        assert kind == "convexHull", f"{prim.GetPath()}: {kind}"


def test_everything_that_collides_has_the_stated_friction(prims):
    from pxr import UsdPhysics, UsdShade

    colliders = [p for p in prims if p.HasAPI(UsdPhysics.CollisionAPI)]
    for part in ("leftfinger", "rightfinger", "hand_1", "link0_1", "link7_1"):
        assert [p for p in colliders if part in str(p.GetPath())], f"nothing of {part} collides"
    for prim in colliders:
        material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial("physics")
        physics = UsdPhysics.MaterialAPI(material.GetPrim())
        for friction in (physics.GetStaticFrictionAttr().Get(), physics.GetDynamicFrictionAttr().Get()):
            assert friction == pytest.approx(asset.SURFACE_FRICTION), prim.GetPath()


def test_a_number_of_the_spec_that_goes_into_the_file_is_part_of_its_key(panda, monkeypatch):
    stronger = replace(PANDA.limits, torque=tuple(2 * t for t in PANDA.limits.torque))
    monkeypatch.setattr(asset, "PANDA", replace(PANDA, limits=stronger))
    assert asset.usd_path() != panda, (
        "after a change of the torque limits, the file with the old ones is used"
    )
