"""`ArmKernel`: MuJoCo's steps of an arm alone, as machine code on eight motions at a time.

MuJoCo steps one model after the other, through everything that a scene may have. Here the equations of one arm are
traced (`workbench.identification.arm_equations`) and compiled with LLVM, each instruction on eight lanes, each lane a
candidate on a window. What is computed is what MuJoCo computes with ``implicitfast`` steps: friction is its soft
constraint (MuJoCo's documentation, Computation, "Friction loss"), whose forces are found by Newton's method.
"""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any

import numpy as np

from workbench.identification.arm_equations import Chain, motion, solve
from workbench.identification.traced import LANES, VECTOR, Graph, Traced, splat

SOLREF_S, IMPEDANCE, DAMPED_IMPEDANCE = 0.02, 0.9, 0.95
"""MuJoCo's defaults of a friction's constraint: time constant [s], and impedances at and beyond its point."""
JOINTWISE = ("stiffness", "damping", "viscous", "friction", "armature", "hardness")
"""Parameters of each joint, in the order of the code; hardness: one over the regularisation of its friction."""
SINGLE = ("factor", "payload", "dt", "drift", "stiction", "stiction_velocity", "late")
"""Then those of an arm: factor of masses, payload [kg], step [s], how fast friction's constraint settles [1/s],
friction at rest beyond Coulomb's, as a share of it, the velocity at which four ninths of that are left [rad/s], and how
late the velocity is that drives damp [s]."""
MOST_NEWTON = 24
SHARES = (1.0, 0.5, 0.2, 0.05)
"""Of a Newton step that are tried."""
ALIGNED = "align 64"


def parameter_count(joints: int) -> int:
    """Numbers that a lane is given."""
    return len(JOINTWISE) * joints + len(SINGLE)


class ArmKernel:
    """Compiled for one arm."""

    def __init__(self, chain: Chain, effort: np.ndarray) -> None:
        """
        Args:
            chain: the arm.
            effort: most that each drive gives ``[J]`` [N m].
        """
        from llvmlite import binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.chain, self.joints = chain, len(chain.mass)
        module = llvm.parse_assembly(_code(chain, effort))
        module.verify()
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
        )
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64)
        self._run = kind(self._engine.get_function_address("run"))

    def run(self, states: np.ndarray, control: np.ndarray, parameters: np.ndarray) -> None:
        """Step ``B`` blocks of lanes ``S`` times; the interpreter's lock is not held meanwhile.

        Args:
            states: positions, velocities, and velocities that drives damp ``[B, S + 1, 3 J, 8]``; given are those at
                the beginning ``[:, 0]``, the rest is filled.
            control: what drives are told in each step ``[B, S, J, 8]`` [rad].
            parameters: ``[B, K, 8]``, see `JOINTWISE` and `SINGLE`.
        """
        blocks, steps = control.shape[:2]
        expected = (
            (states, (blocks, steps + 1, 3 * self.joints, LANES)),
            (control, (blocks, steps, self.joints, LANES)),
            (parameters, (blocks, parameter_count(self.joints), LANES)),
        )
        for array, shape in expected:
            if array.shape != shape or array.dtype != np.float64 or not array.flags.c_contiguous:
                raise ValueError(f"an array of {array.shape} {array.dtype} where {shape} is expected")
        self._run(*[int(a.ctypes.data) for a in (states, control, parameters)], blocks, steps)


def _code(chain: Chain, effort: np.ndarray) -> str:
    """LLVM IR: blocks, in each the steps, in each the search for friction's forces."""
    joints = len(chain.mass)
    smooth = Graph()
    q, v, w, u = (_symbols(smooth, name, joints) for name in ("q", "v", "w", "u"))
    p: dict[str, Any] = {name: _symbols(smooth, name, joints) for name in JOINTWISE}
    p |= {name: smooth.symbol(f"%{name}") for name in SINGLE}
    matrix, bias = motion(chain, q, v, p["factor"], p["payload"])
    for j in range(joints):
        matrix[j, j] = matrix[j, j] + p["armature"][j]
    fresh = p["dt"] / (p["dt"] + p["late"])
    told = p["stiffness"] * (u - q) - p["damping"] * (w + fresh * (v - w))
    drive = np.array([t.at_most(float(e)).at_least(-float(e)) for t, e in zip(told, effort, strict=True)])
    torque = drive - p["viscous"] * v - bias
    # A drive at its limit does not damp.
    kd = [d.where_equal(t, k, 0.0) for d, t, k in zip(drive, told, p["damping"], strict=True)]
    implicit = p["dt"] * (p["viscous"] + fresh * np.array(kd))
    target = -1.0 * (p["drift"] * v)
    squares = [x * x / (2.0 * p["stiction_velocity"] * p["stiction_velocity"]) for x in v]
    most = [
        f * (1.0 + p["stiction"] / ((1.0 + s) * (1.0 + s)))
        for f, s in zip(p["friction"], squares, strict=True)
    ]
    lower = [(i, j) for i in range(joints) for j in range(i + 1)]
    results = [matrix[i, j] for i, j in lower] + [*torque, *implicit, *target, *most]
    before, operands = smooth.emit(results, "s")
    names = [f"m{i}_{j}" for i, j in lower] + [
        f"{kind}{j}" for kind in ("torque", "implicit", "target", "most") for j in range(joints)
    ]
    found = dict(zip(names, operands, strict=True))

    newton = Graph()
    search, ends = newton.emit(_newton(newton, found, joints), "n")

    final = Graph()
    m = _matrix(final, found, joints)
    push = [final.symbol(found[f"torque{j}"]) + final.symbol(ends[joints + j]) for j in range(joints)]
    damped = m + np.diag([final.symbol(found[f"implicit{j}"]) for j in range(joints)])
    acceleration = solve(damped, np.array(push, object))
    dt = final.symbol("%dt")
    velocity = [final.symbol(f"%v{j}") + dt * acceleration[j] for j in range(joints)]
    position = [final.symbol(f"%q{j}") + dt * velocity[j] for j in range(joints)]
    fresh = dt / (dt + final.symbol("%late"))
    damped_velocity = [
        w + fresh * (v - w) for v, w in zip(velocity, _symbols(final, "w", joints), strict=True)
    ]
    after, left = final.emit([*position, *velocity, *damped_velocity], "f")

    return "\n".join(_assembled(joints, before, search, ends, after, left))


def _newton(graph: Graph, found: dict[str, str], joints: int) -> list[Traced]:
    """One step of Newton's method for the accelerations that friction leaves ``a``.

    They make 1/2 (a - a0)' M (a - a0) + sum of s(a) small, where s is quadratic where friction holds a joint and linear
    where it slides. Returns the next accelerations, the forces there, and 0 where the step was whole and
    no joint began or ceased to slide.
    """
    m = _matrix(graph, found, joints)
    a, hardness = (_symbols(graph, name, joints) for name in ("a", "hardness"))
    target, torque, most = (
        np.array([graph.symbol(found[f"{name}{j}"]) for j in range(joints)], object)
        for name in ("target", "torque", "most")
    )

    def forces(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        free = hardness * (target - a)
        return free, np.array([x.at_most(f).at_least(0.0 - f) for x, f in zip(free, most, strict=True)])

    def sliding(free: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hard = [h.where_equal(x, k, 0.0) for x, h, k in zip(free, held, hardness, strict=True)]
        side = [h.where_equal(x, 0.0, h) for x, h in zip(free, held, strict=True)]
        return np.array(hard, object), np.array(side, object)

    hard, side = sliding(*forces(a))
    step = solve(m + np.diag(hard), torque + hard * target + side) - a
    slope, bend = step @ (m @ a - torque), step @ (m @ step)
    best, least, share = a, None, None
    for tried in SHARES:
        at = a + tried * step
        free, held = forces(at)
        cost = tried * slope + 0.5 * tried * tried * bend
        cost = cost + (held * (target - at) - 0.5 * held * held / hardness).sum()
        if least is None:
            best, least, share = at, cost, graph.number(tried)
            continue
        lower = cost.at_most(least)
        best = np.array([lower.where_equal(least, x, y) for x, y in zip(best, at, strict=True)], object)
        share = lower.where_equal(least, share, tried)
        least = lower
    free, held = forces(best)
    hard_then, side_then = sliding(free, held)
    same = graph.number(0.0)
    for x, y in zip((*hard, *side, graph.number(1.0)), (*hard_then, *side_then, share), strict=True):
        same = same + x.where_equal(y, 0.0, 1.0)
    return [*best, *held, same]


def _symbols(graph: Graph, name: str, count: int) -> Any:
    return np.array([graph.symbol(f"%{name}{j}") for j in range(count)], object)


def _matrix(graph: Graph, found: dict[str, str], joints: int) -> np.ndarray:
    rows = [[graph.symbol(found[f"m{max(i, j)}_{min(i, j)}"]) for j in range(joints)] for i in range(joints)]
    return np.array(rows, object)


def _assembled(
    joints: int, before: list[str], search: list[str], ends: list[str], after: list[str], left: list[str]
) -> list[str]:
    """The function around the traced lines."""
    slots = [f"a{j}" for j in range(joints)]
    bits = f"<{LANES} x i1>"
    names = [f"{kind}{j}" for kind in JOINTWISE for j in range(joints)] + list(SINGLE)
    text = [
        f"declare i1 @llvm.vector.reduce.or.v{LANES}i1({bits})",
        "define void @run(ptr %states, ptr %control, ptr %parameters, i64 %blocks, i64 %steps) {",
        "entry:",
        *[f"  %slot.{s} = alloca {VECTOR}, {ALIGNED}" for s in slots],
        "  br label %block",
        "block:",
        "  %b = phi i64 [0, %entry], [%b.next, %block.end]",
        "  %b.more = icmp slt i64 %b, %blocks",
        "  br i1 %b.more, label %begin, label %done",
        "begin:",
        *_loads("parameters", "%b", names),
        *[f"  store {VECTOR} {splat(0.0)}, ptr %slot.{s}, {ALIGNED}" for s in slots],
        "  %b.controls = mul i64 %b, %steps",
        "  %b.states = add i64 %b.controls, %b",
        f"  %b.numbers = mul i64 %b.states, {3 * joints}",
        f"  %b.start = getelementptr {VECTOR}, ptr %states, i64 %b.numbers",
        "  br label %step",
        "step:",
        "  %s = phi i64 [0, %begin], [%s.next, %step.end]",
        "  %from = phi ptr [%b.start, %begin], [%to, %step.end]",
        "  %s.more = icmp slt i64 %s, %steps",
        "  br i1 %s.more, label %move, label %block.end",
        "move:",
        *_loads_from("%from", [f"{kind}{j}" for kind in "qvw" for j in range(joints)]),
        "  %row = add i64 %b.controls, %s",
        f"  %row.u = mul i64 %row, {joints}",
        f"  %p.u = getelementptr {VECTOR}, ptr %control, i64 %row.u",
        *_loads_from("%p.u", [f"u{j}" for j in range(joints)]),
        f"  %to = getelementptr {VECTOR}, ptr %from, i64 {3 * joints}",
        *[f"  {line}" for line in before],
        "  br label %newton",
        "newton:",
        "  %k = phi i64 [0, %move], [%k.next, %newton]",
        *[f"  %{s} = load {VECTOR}, ptr %slot.{s}, {ALIGNED}" for s in slots],
        *[f"  {line}" for line in search],
    ]
    text += [f"  store {VECTOR} {end}, ptr %slot.{s}, {ALIGNED}" for s, end in zip(slots, ends, strict=False)]
    text.append(f"  %other = fcmp une {VECTOR} {ends[-1]}, {splat(0.0)}")
    text += [
        f"  %changed = call i1 @llvm.vector.reduce.or.v{LANES}i1({bits} %other)",
        "  %k.next = add i64 %k, 1",
        f"  %k.more = icmp slt i64 %k.next, {MOST_NEWTON}",
        "  %again = and i1 %changed, %k.more",
        "  br i1 %again, label %newton, label %step.end",
        "step.end:",
        *[f"  {line}" for line in after],
    ]
    for n, value in enumerate(left):
        text.append(f"  %p.to{n} = getelementptr {VECTOR}, ptr %to, i64 {n}")
        text.append(f"  store {VECTOR} {value}, ptr %p.to{n}, align 8")
    return [
        *text,
        "  %s.next = add i64 %s, 1",
        "  br label %step",
        "block.end:",
        "  %b.next = add i64 %b, 1",
        "  br label %block",
        "done:",
        "  ret void",
        "}",
    ]


def _loads(array: str, block: str, names: list[str]) -> list[str]:
    return [
        f"  %{array}.at = mul i64 {block}, {len(names)}",
        f"  %{array}.p = getelementptr {VECTOR}, ptr %{array}, i64 %{array}.at",
        *_loads_from(f"%{array}.p", names),
    ]


def _loads_from(pointer: str, names: list[str]) -> list[str]:
    lines = []
    for n, name in enumerate(names):
        lines.append(f"  %{name}.p = getelementptr {VECTOR}, ptr {pointer}, i64 {n}")
        lines.append(f"  %{name} = load {VECTOR}, ptr %{name}.p, align 8")
    return lines


def hardness(inverse_inertia: np.ndarray) -> np.ndarray:
    """One over the regularisation of friction's constraint, from each joint's inverse inertia at rest [1/(kg m^2)]."""
    return np.asarray(IMPEDANCE / (1 - IMPEDANCE) / inverse_inertia)


def drift(dt: float) -> float:
    """How fast friction's constraint makes a joint settle [1/s], at a time step [s]."""
    return 2.0 / (DAMPED_IMPEDANCE * max(SOLREF_S, 2 * dt))


_COMPILED: dict[bytes, ArmKernel] = {}
"""By what they were compiled from: compiling takes seconds."""


def kernel_of(chain: Chain, effort: np.ndarray) -> ArmKernel:
    """The kernel of an arm, compiled once in a process; arguments as of `ArmKernel`."""
    numbers = [np.asarray(getattr(chain, field.name), np.float64) for field in dataclasses.fields(chain)]
    key = b"".join(values.tobytes() for values in (*numbers, effort))
    if key not in _COMPILED:
        _COMPILED[key] = ArmKernel(chain, effort)
    return _COMPILED[key]
