"""Environments of their own for other people's clients and servers, and programs that run in them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UV = ROOT / ".bootstrap/bin/uv"
"""Where `make setup` puts uv, on machines that had none."""


def environment(folder: Path, *packages: str) -> Path:
    """An interpreter that has these packages; the test is skipped where the index cannot be reached."""
    subprocess.run(
        [sys.executable, "-m", "venv", *(["--without-pip"] if UV.exists() else []), folder], check=True
    )
    python = folder / "bin/python"
    install(python, *packages)
    return python


def install(python: Path, *words: object) -> None:
    """``pip install WORDS`` for an interpreter; the test is skipped where the index cannot be reached."""
    pip = (
        [UV, "pip", "install", "--quiet", "--python", python]
        if UV.exists()
        else [python, "-m", "pip", "install"]
    )
    made = subprocess.run([*map(str, pip), *map(str, words)], capture_output=True, text=True, check=False)
    if made.returncode:
        words = ("connect", "dns", "resolve host", "network", "timed out")
        reached = not any(word in made.stderr.lower() for word in words)
        assert not reached, made.stderr[-2000:]
        pytest.skip(f"the package index cannot be reached: {made.stderr.strip().splitlines()[-1]}")


def clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}


def run(python: Path, program: str, *words: object) -> str:
    """What a program prints that ends by itself."""
    command = [str(python), "-c", textwrap.dedent(program), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=clean(), timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@contextmanager
def running(python: Path, program: str, *words: object) -> Iterator[str]:
    """A program that goes on, from the first line that it prints, which this gives."""
    command = [str(python), "-u", "-c", textwrap.dedent(program), *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean()
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
