import json
import math
from pathlib import Path

import pytest

from robots.driver import DriverError
from robots.so_arm.calibration import MOTORS, ServoCalibration, read_calibration


def written(path: Path, **changed: dict) -> Path:
    entries = {
        motor: {"id": n + 1, "drive_mode": 0, "homing_offset": 0, "range_min": 1000, "range_max": 3000}
        for n, motor in enumerate(MOTORS)
    }
    path.write_text(json.dumps(entries | changed), "utf-8")
    return path


@pytest.mark.parametrize("is_reversed", [False, True])
def test_steps_and_angles_are_inverse_within_half_a_step(is_reversed: bool) -> None:
    servo = ServoCalibration(1, 900, 3100, zero_angle=0.2, reversed=is_reversed)
    for angle in (-0.9, 0.0, 0.2, 1.3):
        assert servo.angle(servo.step(angle)) == pytest.approx(angle, abs=math.pi / 4096)
    assert servo.angle(servo.middle) == 0.2


def test_no_angle_leads_out_of_the_calibrated_range_and_one_that_is_none_is_refused() -> None:
    servo = ServoCalibration(1, 900, 3100)
    assert (servo.step(100.0), servo.step(-100.0)) == (3100, 900)
    with pytest.raises(ValueError, match="nan"):
        servo.step(math.nan)


def test_lerobots_file_is_read_and_what_is_wrong_with_one_is_said(tmp_path: Path) -> None:
    found = read_calibration(written(tmp_path / "good.json"))
    assert [servo.number for servo in found.values()] == [1, 2, 3, 4, 5, 6]
    backwards = written(tmp_path / "bad.json", elbow_flex={"id": 3, "range_min": 3000, "range_max": 1000})
    with pytest.raises(DriverError, match="elbow_flex: its range is from 3000 to 1000"):
        read_calibration(backwards)
    (tmp_path / "few.json").write_text("{}", "utf-8")
    with pytest.raises(DriverError, match="says nothing of shoulder_pan"):
        read_calibration(tmp_path / "few.json")
