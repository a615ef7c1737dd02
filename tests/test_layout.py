"""The packages depend on each other in one direction, and the light ones stay light."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
OURS = {"workbench", "domain_rand", "tasks", "robots", "policy"}
FORBIDDING = [
    contract
    for contract in CONTRACTS
    if contract["type"] == "forbidden"
    and not OURS & {m.partition(".")[0] for m in contract["forbidden_modules"]}
]
"""Contracts about other people's packages."""

# Imports the modules named before "--" and all below them, except those matching a pattern named after it.
# Prints the top-level names of everything that got loaded.
IMPORT_ALL = """
import fnmatch, importlib, pkgutil, sys
split = sys.argv.index("--")
for name in sys.argv[1:split]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        if not any(fnmatch.fnmatch(module.name, pattern) for pattern in sys.argv[split + 1 :]):
            importlib.import_module(module.name)
print(*{name.partition(".")[0] for name in sys.modules}, sep="\\n")
"""


def run(*command: str | Path) -> str:
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_imports_follow_the_contracts_in_pyproject() -> None:
    assert "0 broken" in run(Path(sys.executable).with_name("lint-imports"), "--no-logo")


@pytest.mark.parametrize("contract", FORBIDDING, ids=lambda contract: contract["name"])
def test_forbidden_packages_are_not_loaded_by_a_detour(contract: dict[str, Any]) -> None:
    """import-linter sees no further than the first third-party package; this sees what really gets loaded."""
    exceptions = [rule.split(" -> ")[0] for rule in contract.get("ignore_imports", [])]
    loaded = run(sys.executable, "-c", IMPORT_ALL, *contract["source_modules"], "--", *exceptions).split()
    unwanted = sorted(set(loaded) & set(contract["forbidden_modules"]))
    assert not unwanted, f"importing {contract['source_modules']} loads {unwanted}"


def test_constraints_name_versions_and_no_place_to_get_them() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    odd = [line for line in pins if line.count("==") != 1 or "@" in line or "--" in line]
    assert not odd, f"not of the form name==version: {odd}"
    assert not [line for line in lines if "://" in line], "constraints.txt names a place to get packages from"


def texts_without_encoding(source: str) -> list[int]:
    """Lines of calls that read or write text in whatever encoding the locale has."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "encoding" in given:
            continue
        if name in ("read_text", "write_text"):
            found += [call.lineno] * (len(call.args) < (1 if name == "read_text" else 2))
        elif name in ("open", "fdopen"):
            first = 0 if isinstance(call.func, ast.Attribute) and name == "open" else 1
            mode = given.get("mode", call.args[first] if len(call.args) > first else ast.Constant("r"))
            said = mode.value if isinstance(mode, ast.Constant) else None
            text = isinstance(said, str) and set(said) <= set("rwaxt+b") and "b" not in said
            found += [call.lineno] * (text and len(call.args) + len(given) < 4)
        elif "text" in given or "universal_newlines" in given:
            value = given.get("text", given.get("universal_newlines"))
            found += [call.lineno] * (isinstance(value, ast.Constant) and value.value is True)
    return found


@pytest.mark.parametrize("folder", ["workbench", "policy", "tasks", "robots", "domain_rand", "tools", ".ci"])
def test_text_is_utf8_whatever_the_locale(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in texts_without_encoding(path.read_text("utf-8"))
    ]
    assert not found, "these take the locale's encoding, which may be ASCII: say utf-8"


@pytest.mark.parametrize(
    ("call", "is_one"),
    [
        ("path.read_text()", True),
        ("path.read_text('utf-8')", False),
        ("path.write_text(a + b)", True),
        ("path.write_text(a, encoding='utf-8')", False),
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("path.open('a')", True),
        ("Image.open(path)", False),
        ("os.fdopen(1, 'w')", True),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command, text=True, encoding='utf-8')", False),
    ],
)
def test_calls_that_take_the_locales_encoding_are_known(call: str, is_one: bool) -> None:
    assert bool(texts_without_encoding(call)) is is_one


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_files_that_the_docs_name_are_there(page: Path) -> None:
    named = set(
        re.findall(
            r"`((?:workbench|tasks|robots|domain_rand|policy|tests|tools)/[\w./-]*)`", page.read_text("utf-8")
        )
    )
    missing = sorted(name for name in named if not (ROOT / name).exists())
    assert not missing, f"{page.name} names {missing}"


OPTIONS = [
    "workbench.cli.main", "workbench.cli.data", "workbench.evaluation.options", "workbench.data.generate.options",
    "workbench.tuning.options", "workbench.randomisation.commands", "domain_rand.sets", "tasks.registry",
    "robots.registry",
]  # fmt: skip


@pytest.mark.parametrize("module", OPTIONS)
def test_options_and_their_help_load_neither_torch_nor_a_simulator(module: str) -> None:
    loaded = run(sys.executable, "-c", f"import {module}, sys; print(*sys.modules, sep='\\n')").split()
    assert {name.partition(".")[0] for name in loaded}.isdisjoint({"torch", "warp", "isaaclab", "pxr"})
