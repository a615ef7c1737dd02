import pytest

from tasks.episode import EpisodeSpec
from tasks.tabletop.composition import random_scene, scene_facts


@pytest.fixture(scope="session")
def scenes():
    return [random_scene(EpisodeSpec("pick_place", i, 1)) for i in range(300)]


@pytest.fixture(scope="session")
def all_facts(scenes):
    return [scene_facts(scene) for scene in scenes]
