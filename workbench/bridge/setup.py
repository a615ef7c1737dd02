"""`Bench`: what a run of the bridge is made of, built from its options: arm, gate, policy, senses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from policy.action import ActionSpec
from policy.observation_spec import ObservationOffer
from robots.action_spaces import joint_deltas
from robots.driver import Driver, driver_class
from robots.protocol import ArmModel
from robots.registry import arm, arm_names
from workbench.bridge.episode import Senses
from workbench.bridge.gamepad import Gamepad
from workbench.bridge.gate import Gate, GateCfg, WatchdogCfg
from workbench.bridge.ideal_arm import IdealArm
from workbench.bridge.labels import Judged
from workbench.bridge.observation import Picture
from workbench.bridge.options import (
    CONTROL_HZ,
    DRY_RUN,
    EXPERT,
    HOLD,
    NOISY,
    REPLAY,
    TELEOP,
    TWIN,
    BridgeOptions,
)
from workbench.bridge.place import bounds_of
from workbench.bridge.policies.expert_errors import ExpertErrors
from workbench.bridge.policies.protocol import BridgePolicy
from workbench.bridge.sources import Camera, FileCamera, OpenCvCamera, PoseSensorLine, TwinCameras
from workbench.bridge.targets import Targets
from workbench.bridge.twin.client import RunningTwin
from workbench.cli.options import OptionError

TWIN_CAMERAS = ("front", "wrist")


@dataclass
class Bench:
    """Everything of a run; all that has to be closed is on the stack that it was made with."""

    driver: Driver
    gate: Gate
    policy: BridgePolicy
    """Who acts now."""
    policies: tuple[BridgePolicy, ...]
    """Who acts by turns."""
    targets: Targets
    senses: Senses
    judged: Judged | None
    """Of the twin."""
    twin: RunningTwin | None
    heard: Callable[[], Mapping[str, float]]
    """Source that the gate watches -> when it captured its newest [s]."""
    gamepad: Gamepad | None = None
    """Of who drives by hand."""


def make_bench(options: BridgeOptions, folder: Path, stack: ExitStack) -> Bench:
    """Build it. OptionError, DriverError, TwinError or SourceError for what cannot be had, in a sentence."""
    name = "franka" if options.robot == TWIN else options.robot
    if name not in arm_names():
        raise OptionError(
            f"robot={name} has a driver and no model: what it collides with is not known, and nothing passes the gate"
        )
    model = arm(name)
    names = tuple(options.camera_sources) or (TWIN_CAMERAS if options.robot == TWIN else ())
    sizes = dict.fromkeys(names, (options.image_size, options.image_size))
    twin = None
    driver: Driver = driver_class(name)(**_driver_options(options, name, ""))
    spec = _action_spec(options, model, driver)
    targets = Targets(spec, _chain(model), driver.limits, driver.home, model.gripper)
    offer = ObservationOffer(name, len(driver.home), model.gripper.max_width, sizes)
    gamepad = Gamepad(options.gamepad) if options.gamepad else None
    if gamepad is not None:
        stack.callback(gamepad.close)
    policies = []
    for who in options.policies:
        policies.append(_policy(replace(options, policy=who), spec, targets, offer, gamepad))
        stack.callback(policies[-1].close)
    # Two policies have the same senses and the same watchdog, whichever acts.
    looking = tuple(dict.fromkeys(camera for policy in policies for camera in policy.cameras))
    sensing = any(policy.uses_pose_sensor for policy in policies)
    if options.robot == TWIN:
        draw = bool(looking) or options.pictures or bool(options.live)
        twin = stack.enter_context(RunningTwin(folder / "twin", options.twin_parameters, cameras=draw))
        driver = driver_class(name)(**_driver_options(options, name, twin.host))
    sources = _cameras(options, twin)
    for source in sources:
        stack.callback(source.close)
    judged, sensor = None, None
    if twin is not None:
        judged = Judged(twin)
        stack.callback(judged.close)
    if twin is not None and sensing:
        sensor = PoseSensorLine()
        stack.callback(sensor.close)
        twin.sense(sensor.port)
    if options.mode == DRY_RUN:
        driver = IdealArm(driver.limits, driver.home, model.gripper.open_width)
    else:
        driver.connect()
        stack.callback(driver.close)
    driver.set_scale(options.scale)
    watched = tuple(f"camera:{camera}" for camera in looking)
    gate = Gate(
        GateCfg.of(
            model,
            bounds_of(options.place_given, model.workspace),
            dt=1 / options.rate_hz,
            command_dt=1 / spec.control_hz,
            scale=options.scale,
            limits=driver.limits,
            watchdog=WatchdogCfg(sources=watched + (("pose_sensor",) if sensing else ())),
        )
    )

    def pictures() -> dict[str, Picture]:
        return {name: picture for source in sources for name, picture in source.newest().items()}

    def heard() -> dict[str, float]:
        newest = pictures() if looking else {}
        times = {f"camera:{camera}": newest[camera].captured for camera in looking if camera in newest}
        poses = sensor.newest() if sensor is not None else None
        return times if poses is None else times | {"pose_sensor": poses.captured}

    kept = names if options.pictures else ()
    senses = Senses(pictures, sensor.newest if sensor is not None else lambda: None, kept)
    return Bench(driver, gate, policies[0], tuple(policies), targets, senses, judged, twin, heard, gamepad)


def _driver_options(options: BridgeOptions, name: str, address: str) -> dict[str, Any]:
    given: dict[str, Any] = {"address": address or options.address}
    if name == "franka":
        given["variant"] = "fr3" if options.robot == TWIN else options.variant
        given["realtime"] = options.robot != TWIN
        given["period"] = 1 / options.rate_hz
    if name == "so_arm":
        given["calibration"] = options.calibration
    return given


def _chain(model: ArmModel) -> Any:
    try:
        return model.chain
    except FileNotFoundError:
        return None  # without its description an arm can be told joints alone


def _action_spec(options: BridgeOptions, model: ArmModel, driver: Driver) -> ActionSpec:
    spaces: Mapping[str, ActionSpec] = model.action_spaces(CONTROL_HZ)
    spec = spaces.get(options.action_space) or joint_deltas(model.spec, CONTROL_HZ)
    if options.rate_hz % round(spec.control_hz):
        raise OptionError(
            f"rate_hz must be a multiple of the policy's {spec.control_hz:g} Hz, not {options.rate_hz}"
        )
    return spec


def _policy(
    options: BridgeOptions,
    spec: ActionSpec,
    targets: Targets,
    offer: ObservationOffer,
    gamepad: Gamepad | None,
) -> BridgePolicy:
    if options.policy == HOLD:
        from workbench.bridge.policies.hold import HoldStill

        return HoldStill(spec)
    if options.policy == TELEOP:
        from workbench.bridge.policies.teleop import Teleop

        return Teleop(spec, options.scale, gamepad=gamepad)
    if options.policy in (EXPERT, NOISY):
        from workbench.bridge.policies.expert import PoseExpert

        errors = ExpertErrors.of(options.policy_options) if options.policy == NOISY else None
        return PoseExpert(spec, targets.tool(targets.joints), options.scale, errors)
    if options.policy.startswith(REPLAY):
        from workbench.bridge.policies.replay import ReplayLog

        return ReplayLog(Path(options.policy.removeprefix(REPLAY)), spec)
    from workbench.bridge.policies.remote import RemoteBridgePolicy

    return RemoteBridgePolicy(options.policy, options.policy_options, spec, offer)


def _cameras(options: BridgeOptions, twin: RunningTwin | None) -> list[Camera]:
    if twin is not None:
        return [TwinCameras(twin.pictures)] if twin.pictures is not None else []
    made: list[Camera] = []
    for name, (kind, address) in options.camera_sources.items():
        if kind == "opencv":
            made.append(OpenCvCamera(name, address, options.image_size))
        elif kind == "realsense":
            from workbench.bridge.realsense import RealSenseCamera

            made.append(RealSenseCamera(name, address, options.image_size))
        else:
            made.append(FileCamera(name, Path(address), options.image_size))
    return made
