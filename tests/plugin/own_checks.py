"""What the factor does, measured on the engine."""

from domain_rand.checks.check import check
from domain_rand.checks.trial import CUBE


@check("own.filling", "speed after 0.5 N for 50 ms, over that of the emptiest", "1", relative=0.02)
def slower(trial, values):
    """Force times time over mass, in free fall."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.push(CUBE, (0.0, 0.5, 0.0))
    trial.idle(1)
    speed = trial.velocity(CUBE)[:, 1]
    return speed / speed[0], [(1 + 2 * values[0]) / (1 + 2 * value) for value in values]
