"""How a task is asked: the same scene and the same goal in other words."""

from tasks.language.facts import SceneFacts, Thing
from tasks.language.phrase import Phrasing, phrase, realized

__all__ = ["Phrasing", "SceneFacts", "Thing", "phrase", "realized"]
