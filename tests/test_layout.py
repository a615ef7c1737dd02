"""The packages depend on each other in one direction, and the light ones stay light."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
FORBIDDING = [contract for contract in CONTRACTS if contract["type"] == "forbidden"]

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
