"""Arithmetic that is written down rather than done: equations traced into LLVM's instructions on vectors of lanes.

`Graph.symbol` gives numbers without a value; what Python and numpy (arrays of dtype ``object``) compute with them is
recorded, each expression once, with constants folded away; `Graph.emit` writes it as LLVM IR on ``<8 x double>``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

LANES = 8
"""Numbers that one instruction works on."""
VECTOR = f"<{LANES} x double>"


class Traced:
    """A number known when the code runs, or a constant: node of a `Graph`."""

    __slots__ = ("graph", "number", "value")
    __array_priority__ = 100.0

    def __init__(self, graph: Graph, number: int, value: float | None) -> None:
        self.graph, self.number, self.value = graph, number, value

    def __add__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        a, b = self, self.graph.number(other)
        if a.value == 0.0:
            return b
        if b.value == 0.0:
            return a
        return self.graph.node("fadd", *sorted((a, b), key=lambda n: n.number))

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        a, b = self, self.graph.number(other)
        if b.value == 0.0:
            return a
        if a.number == b.number:
            return self.graph.number(0.0)
        return self.graph.node("fsub", a, b)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        a, b = self, self.graph.number(other)
        for x, y in ((a, b), (b, a)):
            if x.value == 0.0:
                return x
            if x.value == 1.0:
                return y
        return self.graph.node("fmul", *sorted((a, b), key=lambda n: n.number))

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        a, b = self, self.graph.number(other)
        if b.value is not None:
            return a * (1.0 / b.value)
        return self.graph.node("fdiv", a, b)

    def __neg__(self) -> Traced:
        return self.graph.number(0.0) - self

    def __radd__(self, other: float) -> Traced:
        return self + other

    def __rmul__(self, other: float) -> Traced:
        return self * other

    def __rsub__(self, other: float) -> Traced:
        return self.graph.number(other) - self

    def __rtruediv__(self, other: float) -> Traced:
        return self.graph.number(other) / self

    def at_most(self, limit: Traced | float) -> Traced:
        """The lesser of both; not a number stays so."""
        return self.graph.node("min", self, self.graph.number(limit))

    def at_least(self, limit: Traced | float) -> Traced:
        """The greater of both; not a number stays so."""
        return self.graph.node("max", self, self.graph.number(limit))

    def where_equal(self, other: Traced, then: Traced | float, otherwise: Traced | float) -> Traced:
        """``then`` in lanes in which this equals ``other``."""
        return self.graph.node("pick", self, other, self.graph.number(then), self.graph.number(otherwise))


class Graph:
    """Expressions of one piece of code."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[object, ...], Traced] = {}
        self._order: list[tuple[str, tuple[Traced, ...]]] = []

    def symbol(self, register: str) -> Traced:
        """What an LLVM register ``%name`` holds."""
        return self._record(("symbol", register), register, (), None)

    def number(self, value: Traced | float) -> Traced:
        """A constant; a traced number is returned as it is."""
        if isinstance(value, Traced):
            return value
        return self._record(("constant", float(value)), "constant", (), float(value))

    def node(self, operation: str, *parts: Traced) -> Traced:
        """An operation on others."""
        values = [p.value for p in parts]
        if operation in FOLDED and all(v is not None for v in values):
            return self.number(FOLDED[operation](*values))
        return self._record((operation, *(p.number for p in parts)), operation, parts, None)

    def _record(
        self, key: tuple[object, ...], operation: str, parts: tuple[Traced, ...], value: float | None
    ) -> Traced:
        if key not in self._nodes:
            self._nodes[key] = Traced(self, len(self._order), value)
            self._order.append((operation, parts))
        return self._nodes[key]

    def emit(self, results: Iterable[Traced], prefix: str) -> tuple[list[str], list[str]]:
        """LLVM lines that compute ``results``, and the operand of each; registers begin with ``prefix``."""
        results = list(results)
        needed: set[int] = set()
        waiting = [r.number for r in results]
        while waiting:
            number = waiting.pop()
            if number not in needed:
                needed.add(number)
                waiting += [p.number for p in self._order[number][1]]
        names: dict[int, str] = {}
        lines: list[str] = []
        constants = {n.number: n.value for n in self._nodes.values() if n.value is not None}
        for number in sorted(needed):
            operation, parts = self._order[number]
            if number in constants:
                names[number] = splat(constants[number] or 0.0)
            elif not parts:
                names[number] = operation
            else:
                names[number] = f"%{prefix}{number}"
                lines += _instruction(names[number], operation, [names[p.number] for p in parts])
        return lines, [names[r.number] for r in results]


FOLDED = {
    "fadd": lambda a, b: a + b,
    "fsub": lambda a, b: a - b,
    "fmul": lambda a, b: a * b,
    "fdiv": lambda a, b: a / b,
}


def splat(value: float) -> str:
    """A constant in all lanes, as LLVM writes it."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    return "<" + ", ".join([f"double 0x{bits:016X}"] * LANES) + ">"


def _instruction(name: str, operation: str, parts: list[str]) -> list[str]:
    if operation in ("min", "max"):
        order = "ogt" if operation == "min" else "olt"
        return [
            f"{name}c = fcmp {order} {VECTOR} {parts[0]}, {parts[1]}",
            f"{name} = select <{LANES} x i1> {name}c, {VECTOR} {parts[1]}, {VECTOR} {parts[0]}",
        ]
    if operation == "pick":
        return [
            f"{name}c = fcmp oeq {VECTOR} {parts[0]}, {parts[1]}",
            f"{name} = select <{LANES} x i1> {name}c, {VECTOR} {parts[2]}, {VECTOR} {parts[3]}",
        ]
    return [f"{name} = {operation} contract {VECTOR} {parts[0]}, {parts[1]}"]
