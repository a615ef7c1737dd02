"""A fingerprint is of all bytes of all files, and of nothing else."""

import os

from workbench.runs.fingerprints import content_fingerprint, file_fingerprint, folder_fingerprints


def test_a_byte_in_the_middle_of_a_large_file_changes_its_fingerprint(tmp_path):
    file = tmp_path / "model.safetensors"
    content = bytearray(10 << 20)
    file.write_bytes(content)
    before = file_fingerprint(file)
    content[5 << 20] = 1
    file.write_bytes(content)
    os.utime(file, ns=(0, 0))
    after = file_fingerprint(file)
    assert before != after
    assert len(after) == 32


def test_a_folder_is_told_by_its_files_but_not_by_its_descriptions(tmp_path):
    for name in ("config.json", "model.safetensors", "README.md", ".lock"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub").mkdir()
    assert folder_fingerprints(tmp_path).keys() == {"config.json", "model.safetensors"}


def test_contents_are_told_by_names_and_bytes_and_not_by_their_order(tmp_path):
    files = [tmp_path / name for name in ("a", "b")]
    for file in files:
        file.write_text(file.name)
    both = content_fingerprint(files)
    assert content_fingerprint(reversed(files)) == both
    files[0].write_text("b")
    files[1].write_text("a")
    assert content_fingerprint(files) != both
