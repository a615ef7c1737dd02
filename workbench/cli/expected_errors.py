"""Errors that are the user's to mend: one sentence, no traceback. Tracebacks are for bugs."""

from __future__ import annotations

import errno
import sys

from workbench.cli.options import OptionError

DISK_ERRORS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "allow larger files",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "allow it, or choose another place",
    errno.EPERM: "allow it, or choose another place",
    errno.EIO: "look after the disk",
}
"""What a disk may refuse, and what would help."""


EXPECTED = (
    ("domain_rand.sets", "FactorSetError"),
    ("policy.serve.errors", "ProtocolError"),
    ("policy.serve.errors", "RemoteError"),
    ("policy.serve.errors", "ServerError"),
    ("robots.driver", "DriverError"),
    ("tasks.registry", "TaskError"),
    ("workbench.bridge.gamepad", "GamepadError"),
    ("workbench.bridge.gate.messages", "GateError"),
    ("workbench.bridge.sources", "SourceError"),
    ("workbench.bridge.targets", "TargetError"),
    ("workbench.bridge.twin.environment", "TwinError"),
    ("workbench.comparison", "ComparisonError"),
    ("workbench.data.archive.archive", "ArchiveError"),
    ("workbench.data.export_folder", "ExportError"),
    ("workbench.data.lerobot.files", "LeRobotImportError"),
    ("workbench.identification.motion_log", "LogError"),
    ("workbench.rollout.launch", "LaunchError"),
    ("workbench.runs.records", "RecordError"),
    ("workbench.runs.folder", "RunFolderError"),
    ("workbench.views.live", "LiveError"),
    ("workbench.views.viewing", "ViewingError"),
)
"""Where the project's own errors are: one can only be raised when its module is loaded, so none is loaded for it."""
EXTRAS = {
    "accelerate": "vla",
    "cmaes": "sysid",
    "llvmlite": "sysid",
    "coal": "gate",
    "cv2": "robot",
    "diffusers": "vla",
    "gymnasium": "sim",
    "isaaclab": "sim",
    "isaaclab_newton": "sim",
    "isaaclab_ov": "sim",
    "isaaclab_tasks": "sim",
    "mcap": "robot",
    "msgpack": "serve",
    "mujoco": "sysid",
    "newton": "sim",
    "open3d": "clouds",
    "ovphysx": "sim",
    "ray": "scale",
    "pinocchio": "gate",
    "rerun": "view",
    "ruckig": "gate",
    "safetensors": "vla",
    "torch": "sim,vla",
    "transformers": "vla",
    "trimesh": "view",
    "warp": "sim",
    "websockets": "serve",
    "zmq": "serve",
}
"""Packages that not every installation has -> the extra that brings them."""


def expected_errors() -> tuple[type[Exception], ...]:
    """The project's own, as far as they can have been raised."""
    loaded = ((sys.modules.get(module), name) for module, name in EXPECTED)
    return (OptionError, *(getattr(module, name) for module, name in loaded if hasattr(module, name)))


def sentence_of(problem: Exception) -> str | None:
    """What to tell the user; None for a bug, whose traceback somebody should see."""
    if isinstance(problem, OSError) and problem.errno in DISK_ERRORS:
        where = f"cannot use {problem.filename}" if problem.filename else "a file cannot be written or read"
        return (
            f"{where}: {problem.strerror}; {DISK_ERRORS[problem.errno]}, and the same command again goes on "
            "from here"
        )
    package = (problem.name or "").partition(".")[0] if isinstance(problem, ModuleNotFoundError) else ""
    if package in EXTRAS:
        return (
            f"this needs {package}, which the workbench's extra [{EXTRAS[package]}] brings: in its folder, "
            f"pip install '.[{EXTRAS[package]}]'"
        )
    return str(problem) if isinstance(problem, expected_errors()) else None
