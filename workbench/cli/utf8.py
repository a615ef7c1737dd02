"""Text outside ASCII, where the locale knows none: a terminal set to ``LC_ALL=C``, or to Latin-1.

Files that this project reads and writes say that they are UTF-8. Names of files, and libraries that do not say, go by
the locale; so a command that finds another one starts again in Python's UTF-8 mode.
"""

from __future__ import annotations

import locale
import os
import sys


def restart_in_utf8_mode() -> None:
    """Replace this process by the same command in UTF-8 mode, unless file names are UTF-8 already.

    Output stays in the encoding of the locale; what that cannot say is escaped.
    """
    if _is_utf8(sys.getfilesystemencoding()) and (sys.flags.utf8_mode or _is_utf8(locale.getencoding())):
        return
    environment = os.environ | {"PYTHONUTF8": "1"}
    environment.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:backslashreplace")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def escape_what_output_cannot_say() -> None:
    """A letter that the terminal's encoding does not have is printed as its escape, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not _is_utf8(stream.encoding):
            stream.reconfigure(errors="backslashreplace")


def _is_utf8(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").replace("_", "") == "utf8"
