"""Every condition of a ladder, and every bound of a search, is an episode of the task, whichever task it is."""

import pytest

from domain_rand.sets import load_set
from tasks.episode import EpisodeSpec
from tasks.registry import SHIPPED
from workbench.attribution.planning import draw_condition, plan_ladder
from workbench.tuning.ranges import bounds_of

SETS = ("heavy", "language")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("task", SHIPPED)
def test_every_condition_is_an_episode_of_the_task(task, name):
    varied = load_set(name, task=task)
    plan = plan_ladder(varied, episodes=1, severities=1)
    spec = EpisodeSpec(task, 0, 1, name)
    for condition in plan.conditions[1:]:
        episode = draw_condition(spec, varied, "nominal", condition)
        assert episode.scene.task == task, condition.name
        held = episode.factors[condition.factor]
        assert condition.ends or held == condition.value, f"{condition.name} is {held}"


@pytest.mark.parametrize("task", SHIPPED)
def test_every_bound_of_a_search_is_an_episode_of_the_task(task):
    varied = load_set("language", task=task)
    bounds, _ = bounds_of(varied, [], 0.5)
    assert bounds
    for bound in bounds:
        condition = bound.condition(bound.steps)
        episode = draw_condition(EpisodeSpec(task, 0, 1), varied, "nominal", condition)
        assert episode.scene.task == task
        assert bound.factor in episode.factors
