from workbench.bridge.clock import Ticker


class Clock:
    """Time that passes when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_ticks_come_at_multiples_of_the_period_whatever_the_work_takes() -> None:
    clock = Clock()
    ticker = Ticker(0.01, clock, clock.sleep)
    times = []
    for work in (0.002, 0.009, 0.0, 0.005):
        times.append(ticker.wait())
        clock.now += work
    assert [round(t - 100, 9) for t in times] == [0.01, 0.02, 0.03, 0.04]
    assert ticker.jitter()["late"] == ticker.jitter()["skipped"] == 0


def test_ticks_that_were_slept_over_are_left_out_and_counted() -> None:
    clock = Clock()
    ticker = Ticker(0.01, clock, clock.sleep)
    ticker.wait()
    clock.now += 0.035  # three periods and a half
    ticker.wait()
    assert ticker.skipped == 2
    assert round(ticker.wait() - 100, 9) == 0.05, "the next one is on the clock again"


def test_a_clock_that_goes_back_is_not_waited_for() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    ticker = Ticker(0.01, lambda: now[0], sleep)
    ticker.wait()
    now[0] -= 10.0
    ticker.wait()
    assert slept[-1] <= 0.01 + 1e-9


def test_what_passed_before_a_restart_is_not_counted() -> None:
    clock = Clock()
    ticker = Ticker(0.01, clock, clock.sleep)
    clock.now += 3.0
    ticker.restart()
    ticker.wait()
    assert ticker.jitter()["late"] == ticker.jitter()["skipped"] == 0
