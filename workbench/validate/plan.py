"""`Plan`: how many episodes a validation takes at most, said before it begins."""

from __future__ import annotations

from domain_rand.factor import REGISTRY
from workbench.cli.options import OptionError
from workbench.cli.yaml_file import read_mapping
from workbench.validate.options import ValidateOptions
from workbench.validate.requirements import Requirements

LATENCY = "dr__control__inference_latency__value"
RECORDED = 4
"""Episodes of which every state is kept."""


class Plan:
    """What requirements cost."""

    def __init__(self, options: ValidateOptions, asked: Requirements) -> None:
        """OptionError for a place or factors that are none."""
        self._options, self._asked = options, asked
        self.place = read_mapping(f"bounds={options.bounds}", options.bounds) if options.bounds else {}
        for check in ("factors", "disturbed"):
            named = asked[check].given["names" if check == "factors" else "factors"] if check in asked else ()
            if odd := [name for name in named if name not in REGISTRY]:
                raise OptionError(f"requirements: {check}: there is no factor {odd[0]!r}: workbench dr list")

    def episodes(self, name: str) -> int:
        """Of an evaluation (of each condition of a ladder)."""
        most = self._asked[name].episodes
        return min(most, self._options.episodes) if self._options.episodes else most

    def ladder_words(self) -> dict[str, str]:
        """Options of the ladder, as keywords."""
        given = self._asked["factors"].given
        return {
            "dr": str(given["set"]),
            "attribute": "ladder",
            "factors": ",".join(map(str, given["names"])),
            "severities": str(given["severities"]),
        }

    def sentences(self) -> list[str]:
        """What will be run, a sentence each."""
        names = {one.name for one in self._asked.all}
        found = ["cheap checks come first, and what decides ends it (all=true goes on):"]
        if names & {"contract", "latency", "delay"}:
            found.append("  conventions and decisions: a simulator, no episode")
        found.append(
            f"  success: {self.episodes('success')} episodes, more time for them where it falls short"
        )
        if "delay" in names:
            found.append(
                f"  delay: {self.episodes('delay')} episodes, where a decision takes longer than a period"
            )
        if "factors" in names:
            given = self._asked["factors"].given
            sides = 2 * int(given["severities"]) * len(given["names"])
            found.append(f"  factors: {self.episodes('factors')} episodes in up to {sides + 1} conditions")
        if "disturbed" in names:
            found.append(f"  disturbed: {self.episodes('disturbed')} episodes")
        if "engine" in names:
            found.append(
                f"  engine: {self.episodes('engine')} episodes with {self._asked['engine'].given['physics']}"
            )
        return found
