"""RoboArena's websocket protocol (roboarena 6fa329f, ``roboarena/policy_server.py``).

openpi's codec, but every request names an ``endpoint``, the metadata say what the server needs, and a reset is answered
by a text frame. A reply is a map ``{actions}`` since fe55df1, a bare array before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path, ProtocolError, ServerError, last_line, shown
from policy.serve.fields import Map, as_map, binary, kind_of, numbers, one_of, optional, required, texts
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.openpi import check_observation
from policy.serve.openpi_arrays import OpenpiMarks

CODEC = Codec("RoboArena", OpenpiMarks("RoboArena"))
encode = CODEC.encode

ENDPOINTS = ("infer", "reset")
RESET_REPLY = "reset successful"


@dataclass(frozen=True)
class ServerNeeds:
    """What a server wants to be sent, and what it answers."""

    image_resolution: tuple[int, int] | None
    """Height and width of pictures [px]; None: as the camera gives them."""
    needs_wrist_camera: bool
    n_external_cameras: int
    """Cameras beside the wrist's; their names count from zero."""
    needs_stereo_camera: bool
    needs_session_id: bool
    action_space: str
    """``joint_position``, ``joint_velocity``, ``cartesian_position``, ..., as the server calls it."""


def needs_from(message: object, path: Path = (CODEC.dialect,)) -> ServerNeeds:
    """What decoded metadata say; other keys are not looked at.

    Raises:
        ProtocolError: One is missing, or of another kind.
    """
    metadata = as_map(message, path)
    size = optional(metadata, "image_resolution", list, path)
    if size is not None and (len(size) != 2 or any(type(n) is not int or n < 1 for n in size)):
        raise ProtocolError(
            (*path, "image_resolution"), f"it is {shown(size)}, not height and width in pixels"
        )
    cameras = required(metadata, "n_external_cameras", int, path)
    if cameras < 0:
        raise ProtocolError((*path, "n_external_cameras"), f"it is {cameras}, not a number of cameras")
    return ServerNeeds(
        image_resolution=None if size is None else (size[0], size[1]),
        needs_wrist_camera=required(metadata, "needs_wrist_camera", bool, path),
        n_external_cameras=cameras,
        needs_stereo_camera=required(metadata, "needs_stereo_camera", bool, path),
        needs_session_id=required(metadata, "needs_session_id", bool, path),
        action_space=required(metadata, "action_space", str, path),
    )


def decode_metadata(data: object, limits: Limits = DEFAULT_LIMITS) -> ServerNeeds:
    """What the server needs.

    Raises:
        ProtocolError: It does not say so.
    """
    return needs_from(CODEC.decode(binary(data), limits))


def check_request(message: object, path: Path = (CODEC.dialect,)) -> Map:
    """A decoded request with its ``endpoint``; ``session_id`` is text, and ``session_ids`` (RoboLab's) a list of it.

    The public server takes any endpoint but reset for infer: here, a third one is an error.

    Raises:
        ProtocolError: It is none.
    """
    request = check_observation(as_map(message, path), path)
    one_of(required(request, "endpoint", str, path), ENDPOINTS, (*path, "endpoint"))
    optional(request, "session_id", str, path)
    if request.get("session_ids") is not None:
        texts(request["session_ids"], (*path, "session_ids"))
    return request


def decode_request(data: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """A request, as `check_request` wants it.

    Raises:
        ProtocolError: It is none.
    """
    return check_request(CODEC.decode(data, limits))


def chunk_from(reply: object, path: Path = (CODEC.dialect,)) -> np.ndarray:
    """The action chunk ``[H, D]`` of a decoded reply: a bare array, or in a map under ``actions``.

    Raises:
        ProtocolError: It is neither.
    """
    if isinstance(reply, dict):
        return numbers(reply.get("actions"), (2,), (*path, "actions"))
    if not isinstance(reply, np.ndarray):
        raise ProtocolError(path, f"it is {kind_of(reply)}, neither an array of actions nor a map with one")
    return numbers(reply, (2,), path)


def decode_reply(frame: object, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The action chunk ``[H, D]``.

    Raises:
        ProtocolError: The reply holds none.
        ServerError: The frame is text, which is the traceback of what failed.
    """
    return chunk_from(CODEC.decode(binary(frame), limits))


def check_reset_reply(frame: object) -> None:
    """Return if a reset was done.

    Raises:
        ServerError: The text is another, a traceback.
        ProtocolError: The frame is no text: it answers something else.
    """
    if not isinstance(frame, str):
        raise ProtocolError((CODEC.dialect,), "a reset is answered by text, and this frame is binary")
    if frame != RESET_REPLY:
        raise ServerError("the policy's server did not reset", last_line(frame))
