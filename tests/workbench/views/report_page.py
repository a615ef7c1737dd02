"""Runs made up for reports, and the pages made of them."""

import base64
import re
from html.parser import HTMLParser

from workbench.evaluation.summary import summarise
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord, SessionRecord
from workbench.views.report import write_report

META = {
    "task": "pick", "policy": "expert", "seed": 7, "physics": "ovphysx", "renderer": "newton_warp", "device": "cpu",
    "num_envs": 4,
}  # fmt: skip
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def episode(index, success=True, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick the cube", "factors": {},
            "success": success, "failure_reason": None if success else "dropped", "steps": 10,
            "duration_s": 1.0 + index % 5, "time_to_success_s": 1.0 + index % 5 if success else None,
            "path_length_m": 0.5 + 0.01 * (index % 7),
            "smoothness": -2.0, "grounding": None, "wall_s": 2.0,
        } | changes
    )  # fmt: skip


def write_run(path, records, **meta):
    meta = META | meta
    with RunFolder(path) as run:
        run.create_or_resume(meta, {"git": {"commit": "4f1c2d9"}, "versions": {"isaaclab": "3.0.0"}})
        (path / "episodes.jsonl").write_text("".join(r.to_json_line() + "\n" for r in records))
        phases = {"physics": 5.0, "policy": 1.0}
        run.append_session(
            SessionRecord("t0", "t1", 8.0, phases, {"episodes": len(records), "env_steps": 100})
        )
        run.write_summary(summarise(records, meta, run.sessions()))
    return path


class Page(HTMLParser):
    """Checks that tags are balanced and collects what the page refers to."""

    VOID = frozenset({"meta", "img", "br", "input", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.tags, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def report(path):
    text = write_report(path).read_text("utf-8")
    return text, Page(text)


def words(text):
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())
