"""``robot=``: beside the task, in the configuration of runs, in recordings, in what policies are told."""

import pytest

from robots.registry import DEFAULT, names, robot
from workbench.cli.options import OptionError
from workbench.evaluation.options import EvalOptions
from workbench.rollout.policies import observation_offer


def options(**given):
    made = EvalOptions(**given)
    made.resolve()
    return made


def test_an_unknown_robot_is_a_sentence_that_lists_the_known_ones():
    with pytest.raises(
        OptionError, match="robot=panda: there is no robot 'panda': choose one of franka, so_arm"
    ):
        options(robot="panda")


def test_runs_of_the_default_robot_have_the_configuration_that_they_had_before_there_was_a_choice():
    assert "robot" not in options(robot=DEFAULT).config("eval")
    assert options(robot="so_arm").config("eval")["robot"] == "so_arm"


def test_environments_are_those_of_the_robot_that_was_asked_for():
    made = options(robot="so_arm")
    assert made.simulation_cfg((), made.factor_set()).robot == "so_arm"
    assert made.policy_cfg.robot == "so_arm"


@pytest.mark.parametrize("name", names())
def test_policies_are_offered_what_the_robot_has(name):
    offer = observation_offer(64, name)
    assert (offer.robot, offer.joints) == (name, len(robot(name).spec.arm_joints))
    assert offer.gripper_max_width == robot(name).gripper.max_width
