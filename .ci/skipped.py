"""Reads pytest's JUnit file: ``skipped.py ids FILE`` lists the tests that were skipped, ``reasons FILE`` says why."""

import sys
from xml.etree import ElementTree


def skipped(path: str) -> list[tuple[str, str]]:
    """Node id and reason of each test that was skipped. The tests are functions: none is in a class."""
    found = []
    for case in ElementTree.parse(path).iter("testcase"):
        reason = case.find("skipped")
        if reason is not None:
            file = case.get("classname", "").replace(".", "/") + ".py"
            found.append((f"{file}::{case.get('name')}", reason.get("message", "")))
    return found


if __name__ == "__main__":
    what, path = sys.argv[1:]
    tests = skipped(path)
    if what == "ids":
        print("\n".join(test for test, _ in tests), end="\n" if tests else "")
    else:
        print(f"ci: {len(tests)} tests are skipped on this machine{':' if tests else ''}")
        for test, reason in tests:
            print(f"  {test}: {reason}")
