"""Reads pytest's JUnit file: ``skipped.py ids FILE`` names the functions that skipped, ``reasons FILE`` says why."""

import sys
from xml.etree import ElementTree


def skipped(path: str) -> list[tuple[str, str]]:
    """Function and reason of each test that was skipped. The tests are functions: none is in a class.

    Without its parameters: a test over the files of a folder has others once there is the folder.
    """
    found = []
    for case in ElementTree.parse(path).iter("testcase"):
        reason = case.find("skipped")
        if reason is not None:
            file = case.get("classname", "").replace(".", "/") + ".py"
            name = case.get("name", "").split("[")[0]
            found.append((f"{file}::{name}", reason.get("message", "")))
    return found


if __name__ == "__main__":
    what, path = sys.argv[1:]
    tests = skipped(path)
    if what == "ids":
        functions = dict.fromkeys(test for test, _ in tests)
        print("\n".join(functions), end="\n" if functions else "")
    else:
        print(f"ci: {len(tests)} tests are skipped on this machine{':' if tests else ''}")
        for test, reason in tests:
            print(f"  {test}: {reason}")
