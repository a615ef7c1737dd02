"""The twin's cameras: ``python -m workbench.bridge.twin.cameras MODEL SIZE``, a process of its own beside the twin's.

Drawing in the twin's process would stop it for a tenth of a second at a time. States come by UDP (captured [s], qpos);
pictures go to whoever has connected by TCP, each as a line of JSON (``camera``, ``captured``, ``width``, ``height``)
and the RGB bytes. Prints one line of JSON: ``states`` and ``pictures``, its ports. Runs in the twin's environment.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys

os.environ.setdefault("MUJOCO_GL", "egl")

import mujoco
import numpy as np

CAMERAS = ("front", "wrist")


def main() -> None:
    """Until it is ended."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is the operator's, to the bridge; the twin ends this process
    model = mujoco.MjModel.from_binary_path(sys.argv[1])
    size = int(sys.argv[2])
    data = mujoco.MjData(model)
    renderer = mujoco.Renderer(model, size, size)
    states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    states.bind(("127.0.0.1", 0))
    states.setblocking(False)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    print(json.dumps({"states": states.getsockname()[1], "pictures": listener.getsockname()[1]}), flush=True)
    viewers: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([states, listener], [], [])
        if listener in ready:
            viewer, _ = listener.accept()
            viewer.settimeout(1.0)
            viewers.append(viewer)
        message = _newest(states)
        if message is None or not viewers:
            continue
        values = np.frombuffer(message)
        data.qpos[:] = values[1:]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        for name in CAMERAS:
            renderer.update_scene(data, camera=name)
            picture = renderer.render()
            header = {"camera": name, "captured": float(values[0]), "width": size, "height": size}
            packet = json.dumps(header).encode() + b"\n" + picture.tobytes()
            viewers = [viewer for viewer in viewers if _sent(viewer, packet)]


def _newest(states: socket.socket) -> bytes | None:
    newest = None
    while True:
        try:
            newest = states.recv(65536)
        except BlockingIOError:
            return newest


def _sent(viewer: socket.socket, packet: bytes) -> bool:
    try:
        viewer.sendall(packet)
    except OSError:
        viewer.close()
        return False
    return True


if __name__ == "__main__":
    main()
