"""What ``workbench policy profile`` measures, refuses and writes."""

import io
import json
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from policy.m1 import precision
from policy.m1.checkpoint import load_checkpoint
from policy.m1.config import LanguageModelConfig, VisionTowerConfig
from policy.m1.precision import missing, quantised, weight_bytes
from policy.m1.presets import preset
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.policy.m1.tiny import random_images, tiny_config, tiny_model
from workbench.cli.main import main
from workbench.policy_profile import random_weights
from workbench.policy_profile.command import weights_in
from workbench.policy_profile.measure import measure
from workbench.policy_profile.memory import GIB, too_large
from workbench.policy_profile.options import AS_IT_IS, PolicyProfileOptions
from workbench.policy_profile.report import latency_table, weights_table
from workbench.rollout.policy_names import PRECISIONS
from workbench.stats.non_inferiority import non_inferiority


def profile(capsys, tmp_path, *words):
    status = main(["policy", "profile", *words, f"out={tmp_path / 'profile'}"])
    return status, capsys.readouterr()


@pytest.mark.long
def test_a_policy_is_profiled_in_a_process_of_its_own(capsys, tmp_path):
    status, said = profile(capsys, tmp_path, "hold", "batches=1,3", "repeats=5", "device=cpu")
    assert status == 0, said.err
    found = json.loads((tmp_path / "profile/profile.json").read_text("utf-8"))
    one = found["precisions"]["as it is"]
    assert set(one["latency_ms"]) == {"1", "3"}
    assert all(0 < t["p50"] <= t["p99"] and t["n"] == 5 for t in one["latency_ms"].values())
    assert one["peak_mib"] > 100
    assert one["weights_mib"] is None
    assert found["options"]["policy"] == "hold"
    assert "batch 3" in said.out


def test_every_batch_is_timed_as_often_as_asked():
    options = PolicyProfileOptions(policy="hold", batches="1,3", repeats=5, device="cpu")
    found = measure(options, AS_IT_IS)
    assert set(found["latency_ms"]) == {"1", "3"}
    assert all(0 < t["p50"] <= t["p99"] and t["n"] == 5 for t in found["latency_ms"].values())
    assert found["weights_mib"] is None
    assert found["peak_mib"] > 100
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(weights_table({"it": found}), latency_table({"it": found}, options.rows))
    said = console.export_text()
    assert "load [s]" in said
    assert "decision [ms], p50 / p99" in said
    assert "batch 3" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["expert"], "policy=expert sees the simulator's state"),
        (["m1", "precisions=float16"], "there is no precisions 'float16': choose one of float32"),
        (["m1", "batches=1,many"], "batches=1,many: batches are whole numbers"),
        (["m1", "batches=0"], "batches must be at least 1, not 0"),
        (["m1", "margin=1"], "margin must lie between 0 and 1"),
        (["hold", "random_weights=m1-mini"], "random_weights= is for policy=m1"),
        (["m1", "random_weights=m1-7b"], "'m1-7b': choose one of m1-mini, m1-3b"),
        (["m1", "random_weights=m1-mini", "episodes=3"], "random_weights= succeed in nothing"),
        (["m1", "precision=int8"], "precisions= says which weights are measured"),
        (["hold", "precisoins=int8"], "there is no option 'precisoins'"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_profiled_is_one_sentence(capsys, tmp_path, words, sentence):
    status, said = profile(capsys, tmp_path, *words)
    assert status == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_the_bench_and_the_model_have_the_same_precisions():
    assert PRECISIONS == precision.PRECISIONS


def test_eight_bit_weights_take_less_and_act_much_the_same():
    model, seen = tiny_model(), random_images(tiny_model().config, 2)
    noise = torch.randn((2, model.config.chunk_length, model.config.action_spec.dim))
    before, size = model.decide(seen, ["go", "stop"], noise)[0], weight_bytes(model)
    after = quantised(model, "int8").decide(seen, ["go", "stop"], noise)[0]
    assert weight_bytes(model) < 0.8 * size
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)
    assert (after - before).abs().mean() < 0.5 * before.abs().mean()


def test_what_a_device_or_a_package_lacks_is_one_sentence(monkeypatch):
    assert "runs on device=cpu, not on cuda:0" in missing("int8", "cuda:0")
    monkeypatch.setattr(precision.importlib.util, "find_spec", lambda name: None)
    assert "torchao, which is not installed" in missing("int4", "cuda:0")
    assert "needs a GPU" in missing("int4", "cpu")
    assert missing("bfloat16", "cuda:0") is None


def test_a_model_that_does_not_fit_is_not_tried():
    assert too_large("float32", 4_100_000_000, 2, 20 * GIB).startswith("float32 takes some 24 GiB of memory")
    assert too_large("bfloat16", 4_100_000_000, 2, 20 * GIB) is None
    assert too_large("float32", 8_000_000, 4, 4 * GIB) is None
    assert too_large("float32", 4_100_000_000, 2, None) is None


def test_a_model_of_the_published_kind_is_written_without_its_tokenizer_and_loaded_as_any_other(
    tmp_path, monkeypatch
):
    """In small: the published size takes 8 GB."""
    whole = preset("m1-3b", DELTA_EEF, ("front", "wrist"))
    tiny = tiny_config()
    small = replace(
        whole,
        vision=VisionTowerConfig(2, 32, 64, 2, (1,)),
        language=LanguageModelConfig(4000, 64, 96, 4, 2, 1, (4, 6, 6)),
        dino=tiny.dino,
        qformer=replace(tiny.qformer, start_layer=3, end_layer=4),
        action_head=tiny.action_head,
        images=tiny.images,
    )
    monkeypatch.setattr(random_weights, "preset", lambda *_: small)
    count = random_weights.write_random("m1-3b", DELTA_EEF, tmp_path / "checkpoint")
    assert count == random_weights.parameters_of("m1-3b", DELTA_EEF)
    assert weights_in(tmp_path / "checkpoint") == (count, 2)
    model = load_checkpoint(tmp_path / "checkpoint", "cpu", torch.float32)
    noise = torch.zeros(1, model.config.chunk_length, 7)
    actions, _ = model.decide(random_images(small, 1), ["put the red cube in the bowl"], noise)
    assert torch.isfinite(actions).all()


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((90, 5, 5, 0), "not shown"),  # few pairs: a loss of 5 points cannot be excluded
        ((960, 20, 20, 0), "not worse"),
        ((500, 0, 200, 300), "worse"),
        ((0, 0, 0, 1000), "not worse"),
    ],
)
def test_not_worse_by_a_margin(counts, verdict):
    found = non_inferiority(*counts, margin=0.05)
    assert found.verdict == verdict
    low, high = found.interval
    assert low <= found.difference <= high
