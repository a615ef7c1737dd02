import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.bridge.ticks import TickLog, read_ticks


def test_what_was_written_is_read_back_in_order_with_what_is_not_finite_as_null(tmp_path: Path) -> None:
    log = TickLog(tmp_path / "log.mcap")
    log.write("/tick", {"state": np.array([1.0, np.nan]), "n": np.int64(3)})
    log.picture("front", np.full((8, 8, 3), 200, np.uint8), 0.0)
    log.write("/event", {"kind": "stop"})
    log.close()
    log.close()
    found = list(read_ticks(tmp_path / "log.mcap"))
    assert [topic for topic, _ in found] == ["/clock", "/tick", "/picture/front", "/event"]
    assert found[1][1] == {"state": [1.0, None], "n": 3}
    assert [m["kind"] for _, m in read_ticks(tmp_path / "log.mcap", "/event")] == ["stop"]


def test_a_killed_process_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from workbench.bridge.ticks import TickLog\n"
        "log = TickLog(Path(sys.argv[1]))\n"
        "for n in range(200): log.write('/tick', {'n': n})\n"
        "print('written', flush=True); sys.stdin.read()\n"
    )
    path = tmp_path / "log.mcap"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [m["n"] for _, m in read_ticks(path, "/tick")] == list(range(200))


@pytest.mark.parametrize("cut", [1, 7, 20, 60])
def test_of_a_log_that_was_cut_off_the_whole_messages_are_read(tmp_path: Path, cut: int) -> None:
    log = TickLog(tmp_path / "log.mcap")
    for n in range(5):
        log.write("/tick", {"n": n})
    content = (tmp_path / "log.mcap").read_bytes()
    log.close()
    (tmp_path / "cut.mcap").write_bytes(content[:-cut])
    read = [m["n"] for _, m in read_ticks(tmp_path / "cut.mcap", "/tick")]
    assert read == list(range(len(read)))
    assert len(read) in (3, 4)


def test_what_is_no_log_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no log at all")
    with pytest.raises(ValueError, match="is no MCAP file"):
        list(read_ticks(tmp_path / "x"))
