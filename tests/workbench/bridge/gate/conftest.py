"""A gate of the Panda's in a box over a table, and a clock."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from robots.registry import robot
from workbench.bridge.gate import Bounds, Box, Command, Gate, GateCfg, MeasuredState

MODEL = robot("franka")
HOME = np.array(MODEL.spec.home)
BOUNDS = Bounds(
    Box((0.15, -0.5, 0.0), (0.75, 0.5, 0.9)),
    table_height=0.0,
    keep_out=(Box((0.3, 0.3, 0.0), (0.5, 0.4, 0.4), "post"),),
)


def cfg(**others):
    return GateCfg.of(
        MODEL, others.pop("bounds", BOUNDS), **({"dt": 0.01, "command_dt": 0.05, "scale": 1.0} | others)
    )


@dataclass
class Rig:
    """A gate, the time, and an arm that is where it was told to be."""

    gate: Gate
    now: float = 50.0
    seq: int = 0

    def __post_init__(self):
        self.gate.reset(HOME, self.now)
        self.here = HOME
        self.setpoints = []

    def command(self, position, **others):
        self.seq += 1
        fields = {"seq": self.seq, "captured": self.now, "issued": self.now} | others
        return Command(np.asarray(position), **fields)

    def send(self, position, **others):
        return self.gate.admit(self.command(position, **others), self.now)

    def tick(self, count=1, state=True):
        for _ in range(count):
            self.now += self.gate.cfg.dt
            measured = MeasuredState(self.here, self.now) if state else None
            setpoint = self.gate.tick(measured, self.now)
            self.here = setpoint.position
            self.setpoints.append(setpoint)
        return setpoint

    def stream(self, targets):
        """Commands, one a command period; what became of them."""
        ticks = round(self.gate.cfg.command_dt / self.gate.cfg.dt)
        found = []
        for target in targets:
            found.append(self.send(target))
            self.tick(ticks)
        return found

    def positions(self):
        return np.stack([s.position for s in self.setpoints])


@pytest.fixture(scope="session")
def shared_gate():
    """Loading hulls takes a while; a gate is as new after `reset`, but for its counts."""
    return Gate(cfg())


@pytest.fixture
def rig(shared_gate):
    shared_gate.set_scale(1.0) if shared_gate._plan is None else None
    shared_gate.counts.clear()
    return Rig(shared_gate)


@pytest.fixture
def make_rig():
    return lambda **others: Rig(Gate(cfg(**others)))


@pytest.fixture
def bounds():
    return BOUNDS


@pytest.fixture
def changed():
    return replace
