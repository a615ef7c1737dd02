"""The catalogue as a whole: what every factor promises, whatever it is."""

import functools

import pytest
import torch

from domain_rand.checks import CHECKS
from domain_rand.distributions import Choice, Fixed, Integers, Numbered
from domain_rand.factor import REGISTRY
from domain_rand.pictures import Pictures
from tasks.episode import EpisodeSpec
from tasks.tabletop import dynamics as dynamics_module
from tasks.tabletop.action_spaces import DELTA_EEF
from tasks.tabletop.believed_calibration import BelievedCalibration
from tasks.tabletop.command_path import CommandPath
from tasks.tabletop.disturbances import Disturbances
from tasks.tabletop.dynamics import Dynamics
from tasks.tabletop.imaging import Imaging
from tasks.tabletop.inference_time import InferenceTime
from tasks.tabletop.layout import Layout
from tasks.tabletop.sensing import Sensing
from tasks.tabletop.workspace import front_camera, pool, wrist_camera
from tests.domain_rand.catalogue import OWN_RANDOMNESS
from tests.tasks.fake_engine import FakeEnv

FAMILIES = {"scene", "appearance", "camera", "dynamics", "control", "sensing", "disturbance", "language"}
TOOLS = {
    "physics": {"ovphysx", "newton_mjwarp", "isaacsim_physx"},
    "renderer": {"newton_warp", "isaac_rtx"},
}
every_factor = pytest.mark.parametrize("name", REGISTRY)
with_setting = pytest.mark.parametrize("name", [n for n, cls in REGISTRY.items() if cls.setting is not None])


@pytest.fixture(autouse=True)
def no_contacts(monkeypatch):
    """There is no engine to write them to."""
    monkeypatch.setattr(dynamics_module, "write_contact", lambda *_: None)


# -- what a factor says of itself


def test_names_are_families_and_something_in_them():
    parts = [name.split(".") for name in REGISTRY]
    assert all(len(part) == 2 and all(word.isidentifier() for word in part) for part in parts)
    assert {family for family, _ in parts} == {*FAMILIES, "episode"}
    assert all(cls.name == name and cls().family == name.split(".")[0] for name, cls in REGISTRY.items())


def test_there_are_many_factors_and_several_in_each_family():
    worldly = [name for name in REGISTRY if name not in OWN_RANDOMNESS]
    assert len(worldly) >= 45
    counts = {family: sum(name.startswith(f"{family}.") for name in worldly) for family in FAMILIES}
    assert min(counts.values()) >= 4, counts


@every_factor
def test_it_says_in_a_sentence_what_it_is_and_in_which_unit(name):
    cls = REGISTRY[name]
    assert "__doc__" in vars(cls)
    assert vars(cls)["__doc__"].strip().split("\n\n")[0].endswith((".", '".'))
    assert "unit" in {key for c in cls.__mro__ for key in vars(c)}
    assert cls.unit.strip()


@every_factor
def test_what_it_does_nominally_and_by_default_can_be_applied(name):
    cls = REGISTRY[name]
    legal = cls.legal or cls.default
    if legal is None:
        assert cls.nominal is None, "a nominal value that nothing says to be possible"
        return
    if cls.default is not None:
        assert legal.outside(cls.default) == [], "its default goes beyond what can be applied"
    if cls.nominal is not None:
        nominal = Fixed(tuple(cls.nominal) if isinstance(cls.nominal, list) else cls.nominal)
        assert legal.outside(nominal) == [], "its nominal value cannot be applied"


@every_factor
def test_its_default_range_holds_the_nominal_value(name):
    """So that what is trained or judged under it knows the nominal world. Colours of surfaces and lamps are exempt."""
    cls = REGISTRY[name]
    if cls.nominal is not None and not name.startswith("appearance."):
        nominal = Fixed(tuple(cls.nominal) if isinstance(cls.nominal, list) else cls.nominal)
        assert cls.default.outside(nominal) == []


@every_factor
def test_its_nominal_value_is_of_the_kind_that_it_draws(name):
    cls = REGISTRY[name]
    if cls.nominal is None:
        return
    assert isinstance(cls.nominal, list) == (cls.length > 1)
    values = cls.nominal if isinstance(cls.nominal, list) else [cls.nominal]
    assert len(values) == cls.length
    kind = {Integers: int, Numbered: int, Choice: str, Pictures: str}.get(type(cls.default), float)
    assert {type(value) for value in values} == {kind}
    assert type(cls().draw(EpisodeSpec("t", 0, 0).generator(name), {})) is (list if cls.length > 1 else kind)


@every_factor
def test_what_cannot_apply_it_has_a_name_and_a_reason(name):
    known = set().union(*TOOLS.values())
    for tool, why in REGISTRY[name].unsupported.items():
        assert tool in known
        assert len(why) > 10


@every_factor
def test_its_range_has_a_source_or_a_reason(name):
    cls = REGISTRY[name]
    assert bool(cls.because) == (cls.default is not None)
    assert "\n" not in cls.because
    assert not cls.because.endswith(".")


@every_factor
def test_it_is_proved_unless_nothing_can_apply_it(name):
    unsupported = set(REGISTRY[name].unsupported)
    nowhere = any(tools <= unsupported for tools in TOOLS.values())
    assert (name in CHECKS) != nowhere


def test_a_check_tries_more_than_one_value_and_only_possible_ones():
    for name, check in CHECKS.items():
        cls = REGISTRY[name]
        assert len(check.levels) > 1, name
        legal = cls.legal or cls.default
        if legal is not None:
            for level in check.levels:
                asked = Fixed(tuple(level) if isinstance(level, list) else level)
                assert legal.outside(asked) == [], f"{name}: {level}"


# -- where its values go


@functools.cache
def owners():
    """Everything that has settings, two environments each."""
    cameras = {"front": front_camera(32), "wrist": wrist_camera(32)}
    return (
        Layout(2, "cpu", cameras),
        Dynamics(FakeEnv(2)),
        CommandPath(2, DELTA_EEF),
        Sensing(2),
        Disturbances(2),
        Imaging(2, "cpu", cameras, len(pool()), {}),
        BelievedCalibration(2, "cpu"),
        InferenceTime(2),
    )


class Desk:
    """Takes settings as an environment does."""

    def set(self, name, rows, values):
        owner = next(owner for owner in owners() if name in owner.names)
        owner.set(name, rows, values)

    def __getitem__(self, name):
        owner = next(owner for owner in owners() if name in owner.names)
        if isinstance(owner, Imaging) and name in owner.passed_on:
            return torch.stack([pipeline.get(name) for pipeline in owner.pipelines.values()], 1)
        return owner[name]


def test_no_setting_has_two_owners():
    names = [name for owner in owners() for name in owner.names]
    assert len(names) == len(set(names))


def test_no_two_factors_set_the_same():
    taken = [cls.setting for cls in REGISTRY.values() if cls.setting is not None]
    assert len(taken) == len(set(taken))


def test_every_setting_is_some_factors():
    """What no factor names nobody can vary. Images have a few more, such as the direction of a lamp, drawn beside."""
    taken = {cls.setting for cls in REGISTRY.values()}
    for owner in owners():
        assert (owner.own if isinstance(owner, Imaging) else owner.names) <= taken, type(owner).__name__


@with_setting
def test_somebody_has_the_setting_and_its_nominal_value_is_the_factors(name):
    """Applying the nominal value to what begins nominal changes nothing, to the last bit."""
    cls, desk = REGISTRY[name], Desk()
    before = desk[cls.setting].clone()
    cls().apply(desk, [0], [cls.nominal])
    assert torch.equal(desk[cls.setting], before)


@with_setting
def test_every_legal_value_can_be_set_in_one_environment_and_leaves_the_other_as_it_was(name):
    cls, desk = REGISTRY[name], Desk()
    legal = cls.legal or cls.default
    values = legal.options if isinstance(legal, Choice) else (legal.lo, legal.hi)
    before = desk[cls.setting].clone()
    for value in values:
        cls().apply(desk, [1], [[value] * cls.length if cls.length > 1 else value])
        held = desk[cls.setting]
        assert torch.equal(held[0], before[0])
        if not isinstance(value, str):
            torch.testing.assert_close(held[1].double(), torch.full_like(held[1], value).double())
    cls().apply(desk, [1], [cls.nominal])
    assert torch.equal(desk[cls.setting], before)


def test_factors_without_a_setting_make_the_scene_or_say_how_they_apply():
    for name, cls in REGISTRY.items():
        if cls.setting is None and not name.startswith(("scene.", "language.", "episode.")):
            unsupported = any(tools <= set(cls.unsupported) for tools in TOOLS.values())
            assert "apply" in {key for c in cls.__mro__[:-2] for key in vars(c)} or unsupported, name
