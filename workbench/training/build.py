"""The model that a training begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from policy.m1.checkpoint import CheckpointError, load_checkpoint, locate
from policy.m1.config import HAND, M1Config, PromptConfig
from policy.m1.mixtures import PublishedError
from policy.m1.model import M1Model
from policy.m1.presets import preset
from policy.m1.qwen_folder import begin_from_qwen
from policy.m1.strict import ConfigError
from policy.m1.tokenizer import build_tokenizer
from policy.m1.training.randomness import key
from workbench.cli.options import OptionError, listed
from workbench.data.foreign.datasets import open_dataset
from workbench.training.action_stream import with_statistics
from workbench.training.frames import ArchiveFrames
from workbench.training.imported_frames import ImportedFrames
from workbench.training.options import GROUNDING, TrainOptions
from workbench.training.vocabulary import vocabulary_of

GROUNDED = "trained to ground"
"""Note in a checkpoint's provenance that it has been through the grounding stage."""
PLAIN_PROMPT = "{instruction}"
"""What a policy without spatial guidance is told, beside its hand."""
DEFAULT_VIEWS = ("front",)


Frames = ArchiveFrames | ImportedFrames


def open_frames(options: TrainOptions) -> Frames:
    """The frames to train on: of an archive, or of a dataset that others made.

    Raises ArchiveError or LeRobotImportError for what cannot be read, OptionError for what a dataset of others lacks.
    """
    data = Path(options.data)
    if not (data / "meta").is_dir() and not data.is_file():
        return ArchiveFrames(data, chosen_views(options))
    if options.stage == GROUNDING or options.is_guided:
        raise OptionError(
            f"{options.data} lacks boxes, places and traces, which spatial guidance learns from and only archives "
            "have: stage=action guidance=off trains on its pictures, texts and actions"
        )
    views = chosen_views(options) if options.views or options.from_checkpoint else ()
    return ImportedFrames(open_dataset(data), views)


def chosen_views(options: TrainOptions) -> tuple[str, ...]:
    """The cameras that the model is to see; OptionError for a checkpoint that is none."""
    named = listed("views", options.views)
    if named:
        return named
    return _checkpoint(options).config.images.views if options.from_checkpoint else DEFAULT_VIEWS


def build_model(options: TrainOptions, frames: Frames) -> M1Model:
    """A new model or a checkpoint's, with the data's action spec and statistics, in float32.

    Raises OptionError for a checkpoint that is none or does not fit, and for m1-3b without one and without Qwen2.5-VL.
    """
    spec = with_statistics(frames, options.normalisation)
    views = frames.views
    try:
        if options.from_checkpoint:
            model = _checkpoint(options)
            if isinstance(frames, ImportedFrames) and model.config.qformer.told_numbers:
                raise OptionError(
                    f"from_checkpoint={options.from_checkpoint} is told hand and places as numbers, which "
                    f"{options.data} lacks: begin with a new model"
                )
            if problems := spec.mismatches(model.config.action_spec, bounds=False):
                raise OptionError(
                    f"actions of {options.data} are not those of {options.from_checkpoint}: {'; '.join(problems)}"
                )
            if not options.is_guided and any(GROUNDED in note for note in model.config.provenance.notes):
                raise OptionError(
                    f"guidance=off, but {options.from_checkpoint} has been through the grounding stage"
                )
            if options.new_head:
                grounded = model.vlm
                model = _new_model(model.config, model.tokenizer, options.seed)
                model.vlm = grounded
            config = _for_data(model.config, options, frames, views)
        elif options.qwen:
            config = preset(options.preset, spec, views)
            if options.chunk is not None:
                half = max(1, options.chunk // 2)
                config = replace(config, chunk_length=options.chunk, execute_steps=half)
            torch.manual_seed(key(options.seed, "weights"))
            model = begin_from_qwen(Path(options.qwen), config)
            config = _for_data(model.config, options, frames, views)
        elif options.preset == "m1-3b":
            raise OptionError(
                "m1-3b begins from published weights: give a folder of Qwen2.5-VL as qwen=, or a checkpoint of "
                "`workbench policy import` as from_checkpoint="
            )
        else:
            config = preset(options.preset, spec, views, vocabulary_of(frames))
            if isinstance(frames, ImportedFrames):
                config = replace(config, qformer=replace(config.qformer, told_numbers=False, number_places=0))
            if options.chunk is not None:
                half = max(1, options.chunk // 2)
                config = replace(config, chunk_length=options.chunk, execute_steps=half)
            config = _for_data(config, options, frames, views)
            model = _new_model(config, build_tokenizer(config.tokenizer), options.seed)
        model.config = config
    except PublishedError as error:
        raise OptionError(f"qwen={options.qwen}: {error}") from error
    except (ConfigError, CheckpointError) as error:
        raise OptionError(str(error)) from error
    for name, parameter in model.named_parameters():
        # A checkpoint's tensors come as plain ones; these two nothing ever trains.
        parameter.requires_grad_("mask_token" not in name and "history_embedder" not in name)
    return model


def _new_model(config: M1Config, tokenizer: PreTrainedTokenizerBase | None, seed: int) -> M1Model:
    torch.manual_seed(key(seed, "weights"))
    return M1Model(config, tokenizer)


def _for_data(config: M1Config, options: TrainOptions, frames: Frames, views: tuple[str, ...]) -> M1Config:
    """The configuration with what the data and the options say; sizes of weights stay."""
    spec = with_statistics(frames, options.normalisation)
    gripper = spec.gripper_index
    binary = gripper is None or all(
        bool((abs(episode.actions[:, gripper]) == 1.0).all()) for episode in frames.episodes
    )
    prompt: PromptConfig = config.prompt
    if options.stage != GROUNDING and not options.is_guided:
        is_told = HAND in prompt.action and (isinstance(frames, ArchiveFrames) or frames.knows_hand)
        hand = f". hand {HAND}" if is_told else ""
        prompt = replace(prompt, action=PLAIN_PROMPT + hand, slots=())
    return replace(
        config,
        images=replace(config.images, views=views),
        prompt=prompt,
        action_spec=spec,
        encoding=replace(config.encoding, gripper_binary=binary),
    )


def trained_config(config: M1Config, options: TrainOptions, steps: int) -> M1Config:
    """The configuration of the final checkpoint: where its weights come from."""
    old = config.provenance
    grounded = (GROUNDED,) if options.stage == GROUNDING else ()
    name = Path(options.data).resolve().name
    return replace(
        config,
        provenance=replace(
            old,
            origin="trained",
            base_weights=options.from_checkpoint or options.qwen or old.base_weights,
            datasets=tuple(dict.fromkeys((*old.datasets, name))),
            steps=old.steps + steps,
            notes=tuple(dict.fromkeys((*old.notes, *grounded))),
        ),
    )


def _checkpoint(options: TrainOptions) -> M1Model:
    try:
        return load_checkpoint(locate(options.from_checkpoint), "cpu", torch.float32)
    except CheckpointError as error:
        raise OptionError(f"from_checkpoint={options.from_checkpoint}: {error}") from error
