"""The Franka arms behind the Franka Control Interface (FCI): ``pylibfranka``, and ``franky-control`` for the hand.

The arm takes a joint position every millisecond. A process of its own (`robots.franka.fci_process`) makes them of the
ways of set points, and is at each 1.5 periods after it came. (Planners that drive to each set point as if
it were the last, as ``franky``'s joint motions, were 80 to 110 ms behind set points of a smooth motion, and rounded it
off by 6 to 18 mrad.) The two libraries cannot be loaded into one process: the arm's is loaded there, the hand's here.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from scipy.spatial.transform import Rotation

from robots.driver import ArmState, DriverError, Followed, Reading, SetPoint, missing
from robots.franka.fci_line import FciError, FciLine
from robots.franka.fci_messages import NOTHING
from robots.franka.hand import Hand, Wish
from robots.franka.limits import LIMITS
from robots.franka.spec import PANDA
from robots.spec import JointLimits

EXTRA = "robot-franka"
STOP_S = 2.0
"""For so long an arm that is told to stop is waited for [s]."""


class FrankaDriver:
    """A `robots.driver.Driver` of a Franka Emika Robot or a Franka Research 3 with its hand."""

    def __init__(
        self,
        address: str,
        variant: str = "fr3",
        hand: bool = True,
        realtime: bool = False,
        period: float = 0.01,
    ) -> None:
        """
        Args:
            address: of the arm: a host name or an IP address.
            variant: ``fr3`` or ``fer``, which decides about limits.
            hand: whether there is a hand to be driven.
            realtime: whether to refuse a kernel without real-time priorities, as the maker asks for on real arms.
            period: between two set points [s].

        DriverError for an unknown variant.
        """
        if variant not in LIMITS:
            raise DriverError(f"there is no Franka arm {variant!r}: choose one of {', '.join(LIMITS)}")
        self._address, self._variant, self._with_hand = address, variant, hand
        self._realtime, self._period = realtime, period
        self._line: FciLine | None = None
        self._hand: Hand | None = None
        self._scale = 1.0

    @property
    def limits(self) -> JointLimits:
        """See `Driver`."""
        return LIMITS[self._variant]

    @property
    def home(self) -> tuple[float, ...]:
        """See `Driver`: the maker's "ready" posture."""
        return PANDA.home

    def connect(self) -> None:
        """See `Driver`."""
        if importlib.util.find_spec("pylibfranka") is None:
            raise missing("pylibfranka", EXTRA)
        if self._with_hand and importlib.util.find_spec("franky") is None:
            raise missing("franky-control", EXTRA)
        try:
            self._line = FciLine(self._address, self._variant, self._period, self._realtime)
            self._line.scale(self._scale)
            if self._with_hand:
                import franky

                self._hand = Hand(franky, self._address)
        except Exception as problem:  # the library's exceptions share no base of their own
            self.close()
            raise DriverError(f"there is no Franka arm to speak with at {self._address}: {problem}") from None

    def state(self) -> ArmState:
        """See `Driver`."""
        try:
            state = self._open.state()
        except FciError as problem:
            raise DriverError(f"the Franka arm at {self._address} has fallen silent: {problem}") from None
        now = state.captured
        turn = Rotation.from_matrix(state.tool[:3, :3]).as_quat()
        width = self._hand.width() if self._hand else Reading(np.full(1, np.nan), now)
        return ArmState(
            joint_pos=Reading(state.q, now),
            joint_vel=Reading(state.dq, now),
            torque=Reading(state.torque, now),
            tool_pose=Reading(np.concatenate((state.tool[:3, 3], turn)), now),
            gripper_width=width,
            followed=None
            if state.number == NOTHING
            else Followed(state.number, state.period, state.answered),
        )

    def set_scale(self, scale: float) -> None:
        """See `Driver`."""
        self._scale = scale
        if self._line is not None:
            self._line.scale(scale)

    def command(self, point: SetPoint) -> None:
        """See `Driver`; DriverError, too, for a set point without its way to rest."""
        if point.way is None:
            raise DriverError("a Franka follows ways to rest by itself: a set point has to come with its own")
        at_rest = not point.velocity.any() and not point.acceleration.any()
        try:
            self._open.send(point.way, point.period, at_rest)
        except FciError as problem:
            raise DriverError(f"the Franka arm at {self._address} refuses to move: {problem}") from None
        if self._hand is not None and point.gripper is not None:
            self._hand.wish(Wish.of(point.gripper))

    def stop(self) -> None:
        """See `Driver`."""
        if self._line is None:
            return
        try:
            self._line.stop(STOP_S)
        except FciError as problem:
            raise DriverError(f"the Franka arm at {self._address} did not stop as told: {problem}") from None

    def close(self) -> None:
        """See `Driver`."""
        if self._line is not None:
            self._line.close()
        if self._hand is not None:
            self._hand.close()
        self._hand = self._line = None

    @property
    def _open(self) -> FciLine:
        if self._line is None:
            raise FciError("it is not connected")
        return self._line
