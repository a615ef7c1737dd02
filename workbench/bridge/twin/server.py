"""The twin's process: ``python -m workbench.bridge.twin.server CONFIG``, in the twin's environment.

Steps ``franky-sim`` on an absolute clock at 1 kHz, keeps the audit, sends the pose sensor's messages and the state that
the cameras draw. CONFIG is a JSON file: ``parameters``, ``host``, ``audit`` (a file), ``cameras`` (whether to draw),
``priority`` (real-time priority, 0: none). Once it listens it prints one line of JSON: ``host``, ``control`` (a port),
``cameras`` (a port or null).
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from franky_sim import SimulationServer
from franky_sim.mujoco_simulator import MujocoSimulator

from workbench.bridge.twin import arm, scene
from workbench.bridge.twin.audit import Audit
from workbench.bridge.twin.control import ControlLine
from workbench.bridge.twin.judge import TwinJudge
from workbench.bridge.twin.parameters import TwinParameters
from workbench.bridge.twin.pose_sensor import PoseSensor
from workbench.bridge.twin.traffic import Traffic

PERIOD = 0.001
"""[s]"""
LOOK_EVERY = 5
"""Steps between two looks at the control line."""
ALONE_S = 10.0
"""For so long it outlives the process that started it [s]."""
LATEST = 0.02
"""A clock that is this late starts anew, so that a stall is not followed by a rush [s]."""
HOME = (0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4)
"""Where the arm begins [rad]."""
TOOL = 0.1034
"""Tool centre point along the hand's z [m]."""


class Twin:
    """Everything of one twin."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.parameters = p = TwinParameters.from_dict(config["parameters"])
        self.sim = MujocoSimulator()
        self.sim.init()
        self.robot = self.sim.add_robot(initial_q=HOME, initial_hand_width=0.08, **arm.gains(p.arm))
        scene.furnish(self.sim, p)
        motion = arm.CommandedMotion()
        arm.mend(self.robot, motion)
        arm.bias_encoders(self.robot, p.arm)
        arm.servo(self.robot, p.arm)
        arm.hand(self.robot, p.gripper)
        self.server = SimulationServer(self.sim, hostname_candidates=[config["host"]])
        self.server.init()
        arm.load(self.sim.model, p)
        self.line = self.server.robot_servers[0]
        self.line.reset_state()  # it now holds what the encoders read
        self.traffic = Traffic(self.line, motion, Path(config["audit"]).with_name("packets.bin"))
        self.audit = Audit(Path(config["audit"]))
        self.sensor = PoseSensor(p.pose_sensor, p.seed)
        self.judge = TwinJudge(p.objects.size)
        self.control = ControlLine("127.0.0.1", self._do)
        self.running = True
        self._parent, self._alone_since = os.getppid(), time.monotonic()
        self.steps = self.late_steps = 0
        self._free = {name: self._joint(name) for name in (scene.CUBE, scene.TRAY_BODY)}
        self._hand = next(b for b in range(self.sim.model.nbody) if self._name(b).endswith("hand"))
        self._draw: tuple[str, int] | None = None
        self._draw_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._next_draw = 0.0
        self.place(scene.Placement.draw(0, 0))

    def run(self) -> None:
        """Until it is told to stop."""
        gc.collect()
        gc.freeze()  # what was built stays: a collection that goes through it takes many steps' time
        due = time.monotonic()
        while self.running:
            due += PERIOD
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -LATEST:
                self.late_steps += round(-wait / PERIOD)
                due = time.monotonic()
            self._await_command()
            self.traffic.begin_step(time.monotonic())
            self.server.run_once(False)
            self._after_step(time.monotonic())

    def place(self, placement: scene.Placement) -> None:
        """Put the objects where an episode begins, at rest."""
        edge = scene.CUBE_EDGE * self.parameters.objects.size
        for name, (x, y, yaw), z in (
            (scene.CUBE, placement.cube, edge / 2),
            (scene.TRAY_BODY, placement.tray, scene.TRAY[3] / 2),
        ):
            at, dof = self._free[name]
            self.sim.data.qpos[at : at + 7] = (x, y, z + 0.001, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
            self.sim.data.qvel[dof : dof + 6] = 0.0

    def draw_at(self, address: tuple[str, int]) -> None:
        """Where the cameras' process takes states."""
        self._draw = address

    def close(self) -> None:
        """End all, with the audit on disk."""
        self.audit.close()
        self.traffic.close()
        self.control.close()
        self.server.cleanup()

    # -- a step

    def _await_command(self) -> None:
        """In lockstep: the client's answer to the last state is on its way; give it a moment."""
        udp = getattr(self.line, "_FrankaServer__udp_socket", None)
        if udp is not None and self.line.current_motion_id:
            select.select([udp], [], [], 0.0004)

    def _after_step(self, now: float) -> None:
        self.steps += 1
        data = self.sim.data
        cube, tray = self._pose(scene.CUBE), self._pose(scene.TRAY_BODY)
        tool = data.xpos[self._hand] + TOOL * data.xmat[self._hand].reshape(3, 3)[:, 2]
        width = self.robot.hand_width
        self.audit.add(
            time=now, step=self.steps, mode=self.traffic.mode, fresh=self.traffic.fresh,
            connection=self.traffic.counts["connections"], q_d=self.traffic.commanded,
            q=[data.qpos[a] for a in self.robot._qpos_addrs], dq=[data.qvel[a] for a in self.robot._dof_addrs],
            torque=self.robot._applied_torques, width=width, cube=cube, tray=tray,
        )  # fmt: skip
        self.judge.look(now, cube, tray, tool, width)
        if self.sensor.due(now):
            self.sensor.measure(now, {scene.OBJECT: cube, scene.RECEPTACLE: tray})
        self.sensor.deliver(now)
        if self._draw is not None and now >= self._next_draw:
            self._next_draw = max(self._next_draw + 1 / self.parameters.camera.rate_hz, now)
            self._draw_socket.sendto(np.concatenate(([now], data.qpos)).tobytes(), self._draw)
        if self.steps % LOOK_EVERY == 0:
            self.control.poll()
            self._end_if_alone(now)

    def _end_if_alone(self, now: float) -> None:
        """A twin whose bridge was killed lives on for a while, as a real arm would, and then ends."""
        if os.getppid() == self._parent:
            self._alone_since = now
        elif now - self._alone_since > ALONE_S:
            self.running = False

    # -- the control line

    def _do(self, asked: dict[str, Any], peer: tuple[str, int]) -> dict[str, Any]:
        match asked["do"]:
            case "begin":
                self.place(scene.Placement.draw(int(asked["seed"]), int(asked["index"])))
                self.judge.begin(time.monotonic(), self._pose(scene.CUBE))
                return {"instruction": scene.INSTRUCTION, "things": [scene.OBJECT, scene.RECEPTACLE]}
            case "sense":
                self.sensor.send_to((peer[0], int(asked["port"])))
                return {"rate_hz": self.parameters.pose_sensor.rate_hz}
            case "judge":
                return self.judge.verdict()
            case "counters":
                return self.traffic.counts | {"steps": self.steps, "late_steps": self.late_steps}
            case "stop":
                self.running = False
                return {}
            case other:
                return {"error": f"there is nothing that is called {other!r}"}

    # -- where things are

    def _pose(self, name: str) -> np.ndarray:
        at, _ = self._free[name]
        return np.array(self.sim.data.qpos[at : at + 7])

    def _joint(self, name: str) -> tuple[int, int]:
        joint = mujoco.mj_name2id(self.sim.model, mujoco.mjtObj.mjOBJ_JOINT, f"{name}_joint")
        return int(self.sim.model.jnt_qposadr[joint]), int(self.sim.model.jnt_dofadr[joint])

    def _name(self, body: int) -> str:
        return mujoco.mj_id2name(self.sim.model, mujoco.mjtObj.mjOBJ_BODY, body) or ""


def main() -> None:
    """See the module."""
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    twin = Twin(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(twin, "running", False))
    cameras, painter = None, None
    if config.get("cameras"):
        painter, cameras, states = _start_cameras(twin, Path(config["audit"]).with_suffix(".mjb"))
        twin.draw_at(("127.0.0.1", states))
    if config.get("priority"):
        _take_priority(int(config["priority"]))
    print(json.dumps({"host": config["host"], "control": twin.control.port, "cameras": cameras}), flush=True)
    try:
        twin.run()
    finally:
        twin.close()
        if painter is not None:
            painter.terminate()


def _start_cameras(twin: Twin, model: Path) -> tuple[subprocess.Popen, int, int]:
    mujoco.mj_saveModel(twin.sim.model, str(model))
    command = [sys.executable, "-m", "workbench.bridge.twin.cameras", str(model)]
    painter = subprocess.Popen(
        [*command, str(twin.parameters.camera.size)], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert painter.stdout is not None
    said = json.loads(painter.stdout.readline())
    return painter, int(said["pictures"]), int(said["states"])


def _take_priority(priority: int) -> None:
    """Real-time priority, where it may be had: a busy machine stalls the twin for a second otherwise."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        print("the twin runs without real-time priority", file=sys.stderr)


if __name__ == "__main__":
    main()
