"""Which parameters a log tells, which it cannot tell apart, and what motion would: before anything is fitted.

The Jacobian of the residuals in widths of the prior says it: a direction whose eigenvalue of J'J is below 1 is known
better from the prior than from the log. Where two parameters make up such a direction, the log cannot tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.identification.parameters import Parameter, ParameterSet

KNOWN = 0.5
"""A parameter is told by a log if that leaves less than this of the prior's width."""
WEIGHTY = 0.35
"""Share of a direction's largest component from which on a parameter belongs to it."""
MOST_TOGETHER = 4
"""Parameters of a direction that are named; one of more parts is weakness all over."""
ALIKE = 0.97
"""Correlation from which on two parameters that are told are said to be told together only."""


@dataclass(frozen=True)
class Confusion:
    """Parameters that a log cannot tell apart, or tells nothing of; where several joints have the same, all of it."""

    names: tuple[str, ...]
    """Of parameters, or ``stiffness of joints 1, 2``."""
    remedy: str

    @property
    def sentence(self) -> str:
        """For people."""
        if len(self.names) == 1:
            return f"these logs do not tell {self.names[0]}: {self.remedy}"
        return f"{', '.join(self.names[:-1])} and {self.names[-1]} cannot be told apart from these logs: {self.remedy}"


@dataclass(frozen=True, eq=False)
class Identifiability:
    """What a log can tell."""

    rank: int
    """Directions that it tells better than the prior does, of ``P``."""
    width: np.ndarray
    """What is left of each prior's width ``[P]``."""
    confusions: tuple[Confusion, ...]

    @property
    def told(self) -> np.ndarray:
        """Whether a parameter is told ``[P]``."""
        return self.width < KNOWN


def identifiability(jacobian: np.ndarray, parameters: ParameterSet) -> Identifiability:
    """From the Jacobian of the residuals ``[R, P]``, anywhere near the truth."""
    information = jacobian.T @ jacobian
    covariance = np.linalg.inv(information + np.eye(len(information)))
    width = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(information)
    groups: list[list[Parameter]] = []
    taken: set[str] = set()
    for value, vector in zip(values, vectors.T, strict=True):
        if value >= 1:
            break
        weight = np.abs(vector) / np.abs(vector).max()
        members = [parameters.parameters[k] for k in np.flatnonzero(weight > WEIGHTY)]
        unknown = [p for p in members if width[parameters.names.index(p.name)] >= KNOWN]
        members = members if len(members) <= MOST_TOGETHER else unknown
        for group in [members] if len(members) <= MOST_TOGETHER else [[p] for p in members]:
            names = tuple(p.name for p in group)
            if names and not set(names) <= taken:
                groups.append(group)
                taken |= set(names)
    groups += [
        [p] for p, w in zip(parameters.parameters, width, strict=True) if w >= KNOWN and p.name not in taken
    ]
    correlation = covariance / np.outer(width, width)
    for a in range(len(width)):
        for b in range(a + 1, len(width)):
            pair = (parameters.parameters[a], parameters.parameters[b])
            if abs(correlation[a, b]) > ALIKE and not {p.name for p in pair} <= taken:
                groups.append(list(pair))
                taken |= {p.name for p in pair}
    return Identifiability(int((values >= 1).sum()), width, tuple(_merged(groups)))


def _merged(groups: list[list[Parameter]]) -> list[Confusion]:
    """Groups of the same kinds, each of one joint of its own, as one."""
    alike: dict[tuple[str, ...], list[list[Parameter]]] = {}
    for k, group in enumerate(groups):
        single = len({p.joints for p in group}) == 1 and len(group[0].joints) == 1
        key = tuple(p.kind.name for p in group) if single else (str(k),)
        alike.setdefault(key, []).append(group)
    found = []
    for key, same in alike.items():
        together = [p for group in same for p in group]
        if len(same) == 1:
            found.append(Confusion(tuple(p.name for p in together), remedy(together)))
            continue
        joints = ", ".join(str(j + 1) for j in sorted(group[0].joints[0] for group in same))
        names = (*key[:-1], f"{key[-1]} of joints {joints}")
        found.append(Confusion(names, remedy(together)))
    return found


def remedy(group: list[Parameter]) -> str:
    """What motion, or what else, would tell these parameters."""
    kinds = {p.kind.name for p in group}
    joints = sorted({j + 1 for p in group for j in p.joints})
    where = f"joint{'s' if len(joints) > 1 else ''} {', '.join(map(str, joints))}" if joints else "the arm"
    if kinds == {"damping", "viscous"}:
        return "the drive's damping and viscous friction are one to every motion; identify one of them"
    if "velocity_filter" in kinds:
        return (
            "a drive that damps a late velocity moves as one with less armature; identify one of them, or look up how "
            "the drive filters"
        )
    if kinds <= {"stiction", "stiction_velocity", "friction"} and kinds != {"friction"}:
        return f"record slow motion of {where} that turns round often, and stops"
    if kinds == {"encoder_bias"}:
        return (
            f"record {where} with a payload, stretched out and folded: a bias shows in how weight and inertia change "
            "with posture, or against an outside measurement of the tool"
        )
    if kinds <= {"payload", "link_mass"}:
        return "record slow motion with the arm stretched out, and one with a known payload"
    if kinds == {"friction"}:
        return f"record slow motion of {where} that turns round often"
    if kinds == {"delay"}:
        return "record quick motion that turns round often"
    if kinds <= {"stiffness", "damping", "friction", "armature", "viscous"}:
        return (
            f"record quicker motion of {where} with turning points (workbench tune excitation), and joint torques: "
            "positions alone tell these up to a common scale"
        )
    return f"record motion of {where} in more postures and over more frequencies (workbench tune excitation)"
