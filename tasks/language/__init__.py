"""How a task is asked: the same scene and the same goal in other words."""

from tasks.language.facts import SceneFacts, Thing
from tasks.language.phrase import Phrasing, PushPhrasing, StackPhrasing, phrase, realized

__all__ = ["Phrasing", "PushPhrasing", "SceneFacts", "StackPhrasing", "Thing", "phrase", "realized"]
