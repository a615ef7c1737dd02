"""A gate of the Panda's in a box over a table, and a clock."""

from dataclasses import dataclass

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
    """Loading hulls takes a while, and a gate is as new after `reset`, but for its counts."""
    return Gate(cfg())


@pytest.fixture
def rig(shared_gate):
    shared_gate._gripper, shared_gate._pending = None, []
    shared_gate.counts.clear()
    return Rig(shared_gate)


@pytest.fixture
def make_gate():
    return lambda **others: Gate(cfg(**others))


@pytest.fixture
def make_rig(make_gate):
    return lambda **others: Rig(make_gate(**others))


@pytest.fixture
def at():
    """Joint positions that bring the Panda's tool somewhere, pointing down."""

    def found(place):
        q = HOME[None]
        _, turned = MODEL.chain.pose(q)
        for _ in range(30):
            q = MODEL.chain.inverse(np.array(place)[None], turned, q)
        assert MODEL.chain.pose(q)[0][0] == pytest.approx(place, abs=2e-3)
        return q[0]

    return found
