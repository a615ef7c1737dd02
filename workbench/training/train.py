"""``workbench train``: from an archive to a checkpoint, in one run folder.

config.yaml, provenance.json     what was trained, on what, with what
losses.jsonl, tensorboard/       how it went
states/                          what a killed run goes on from
checkpoint/                      the model, for ``workbench eval policy=m1 checkpoint=...``
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from policy.m1.checkpoint import CONFIG_FILE, save_checkpoint
from policy.m1.training.settings import Settings
from policy.m1.training.trainer import Trainer, TrainingDiverged, make_accelerator
from policy.m1.training.training_state import TrainingStateError
from workbench.cli.options import OptionError
from workbench.data.archive.archive import EPISODES, ArchiveError, chunks
from workbench.data.lerobot.files import LeRobotImportError
from workbench.rollout.policies import checkpoint_provenance
from workbench.runs.durable import naming
from workbench.runs.fingerprints import content_fingerprint, folder_fingerprints
from workbench.runs.folder import RunFolder
from workbench.runs.provenance import git_commit, hardware, package_versions
from workbench.training.build import Frames, build_model, open_frames, trained_config
from workbench.training.imported_frames import ImportedFrames
from workbench.training.options import PRESENTATION, TrainOptions
from workbench.training.recipes import average_decay, phases_of
from workbench.training.run_log import RunLog
from workbench.training.source import ArchiveSource

STATES, CHECKPOINT = "states", "checkpoint"


def train(options: TrainOptions, console: Console) -> Path:
    """Train what is missing of a run; returns the folder of its checkpoint. Options must be resolved.

    Raises OptionError for data or a checkpoint that cannot be used, RunFolderError for a folder that is another run's.
    """
    out = Path(options.out)
    target = out / CHECKPOINT
    accelerator = make_accelerator(options.device)
    main = accelerator.is_main_process
    try:
        frames = open_frames(options)
        is_done = (target / CONFIG_FILE).exists()
        if not is_done:
            # Before the folder: what cannot be trained leaves none behind.
            model = build_model(options, frames)
            phases = phases_of(options, model.config)
        with ExitStack() as stack:
            if main:
                folder = stack.enter_context(RunFolder(out))
                # What is done adds nothing, and needs neither data nor an earlier checkpoint to be as they were.
                made_with = folder.provenance() if is_done else _provenance(frames, options)
                folder.create_or_resume(options.config(), made_with, PRESENTATION)
                for notice in folder.notices:
                    console.print(notice, markup=False)
            if is_done:
                return target
            if main:
                for line in _what_runs(options, frames, model, phases):
                    console.print(line, markup=False)
            log = RunLog(out, console)
            if main:
                stack.enter_context(log)
            trainer = Trainer(
                model,
                phases,
                ArchiveSource(frames, model, options),
                _settings(options, average_decay(options, model.config)),
                out / STATES,
                log,
                accelerator,
            )
            with naming(out / STATES):
                trainer.run()
            if main:
                model.config = trained_config(model.config, options, trainer.place.total)
                if target.exists():
                    shutil.rmtree(target)  # begun by a run that was killed while it wrote
                with naming(target):
                    save_checkpoint(model.cpu(), target)
            accelerator.wait_for_everyone()
    except (ArchiveError, LeRobotImportError, TrainingDiverged, TrainingStateError) as error:
        raise OptionError(str(error)) from error
    return target


def _settings(options: TrainOptions, decay: float) -> Settings:
    return Settings(
        seed=options.seed,
        accumulation=options.accumulation,
        clip=options.clip,
        average_decay=decay,
        bfloat16=options.precision == "bfloat16",
        recompute=options.recompute,
        log_every=options.log_every,
        save_every=options.save_every,
        keep=options.keep,
        alignment_every=options.pss_every,
        alignment_batch=options.pss_batch,
    )


def _provenance(frames: Frames, options: TrainOptions) -> dict[str, Any]:
    names = "\n".join(episode.name for episode in frames.episodes)
    begun: dict[str, Any] = {}
    if options.from_checkpoint:
        begun["from_checkpoint"] = {"files": checkpoint_provenance(options.from_checkpoint)["files"]}
    if options.qwen:
        begun["qwen"] = {"files": folder_fingerprints(Path(options.qwen))}
    return begun | {
        "versions": package_versions(),
        "python": platform.python_version(),
        "git_commit": git_commit(),
        "data": {
            "episodes": len(frames.episodes),
            "frames": sum(len(episode.frame_steps) for episode in frames.episodes),
            "fingerprint": hashlib.sha256(names.encode()).hexdigest()[:16],
            "content": content_fingerprint(_files(Path(options.data))),
        },
        "hardware": hardware(),
    }


def _files(data: Path) -> list[Path]:
    """The files that a dataset's episodes are in."""
    if data.is_file():
        return [data]
    found = chunks(data / EPISODES if (data / EPISODES).is_dir() else data)
    return found or sorted(path for path in data.rglob("*") if path.is_file())


def _what_runs(options: TrainOptions, frames: Frames, model: Any, phases: list[Any]) -> list[str]:
    parameters = sum(p.numel() for p in model.parameters())
    lines = [
        f"{options.stage} of {model.config.name}, {parameters / 1e6:.1f} M parameters, on {len(frames.episodes)} "
        f"episodes of {options.data}, {options.device}"
    ]
    if isinstance(frames, ImportedFrames) and not frames.knows_hand:
        lines.append(
            f"  {options.data} does not say where the tool is: the model is told nothing of its hand"
        )
    for phase in phases:
        if phase.steps:
            batches = ", ".join(f"{n} {name}" for name, n in phase.batch.items())
            lines.append(f"  {phase.name}: {phase.steps} steps of {batches}; trains {', '.join(phase.rates)}")
    return lines
