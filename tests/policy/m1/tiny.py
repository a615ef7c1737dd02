"""A model of all the right parts at about 300 k parameters, for tests that need one."""

from dataclasses import replace

import torch

from policy.action import ActionChannel, ActionSpec, Normalisation
from policy.m1.config import (
    ActionHeadConfig,
    DinoConfig,
    ImageConfig,
    LanguageModelConfig,
    M1Config,
    QFormerConfig,
    VisionTowerConfig,
)
from policy.m1.model import M1Model
from policy.m1.presets import preset
from policy.m1.tokenizer import build_tokenizer, vocabulary

WORDS = (
    "put the red cube on the plate",
    "move the green bowl into the blue tray",
    "locate",
    "carefully",
    "now",
)
LOW = (-0.02, -0.03, -0.01, -0.1, -0.1, -0.2, -1.0)
HIGH = (0.04, 0.03, 0.02, 0.1, 0.2, 0.1, 1.0)
SPEC = ActionSpec(
    "tested",
    "franka",
    20.0,
    (
        *(ActionChannel(f"d{axis}", "m", "base", "previous_command", -0.05, 0.05) for axis in "xyz"),
        *(ActionChannel(f"drot_{axis}", "rad", "base", "previous_command", -0.25, 0.25) for axis in "xyz"),
        ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0),
    ),
    normalisation=Normalisation("q01_q99", LOW, HIGH, (True,) * 6 + (False,)),
)
SHORT, LONG = "put the red cube on the plate", "now carefully move the green bowl into the blue tray"


def tiny_config(**changes) -> M1Config:
    """The small preset, smaller: 56-pixel images, so 4 tokens and 16 patches a view."""
    mini = preset("m1-mini", SPEC, ("front", "wrist"), WORDS)
    tokenizer = replace(mini.tokenizer, coordinate_bins=57)
    smaller = replace(
        mini,
        name="tiny",
        prompt=replace(
            mini.prompt,
            action="task: {instruction}. grasp u v place u v path u v u v u v u v",
            slots=("grasp", "place", *["path"] * 4),
        ),
        tokenizer=tokenizer,
        vision=VisionTowerConfig(2, 32, 64, 2, (1,), window_size=56, coordinate_planes=True),
        language=LanguageModelConfig(
            len(vocabulary(tokenizer)), 64, 96, 2, 2, 1, (4, 6, 6), rope_theta=20.0, initializer_range=0.2
        ),
        dino=DinoConfig(32, 2, 2, position_grid=4),
        qformer=QFormerConfig(2, 3, hidden_size=48, num_queries=8, num_heads=4),
        action_head=ActionHeadConfig(depth=2, hidden_size=48, num_heads=4),
        images=ImageConfig(("front", "wrist"), size=56),
        chunk_length=6,
        execute_steps=3,
    )
    return replace(smaller, **changes)


def tiny_model(config: M1Config | None = None, seed: int = 0) -> M1Model:
    """Random weights, evaluation mode. The action head's output layer is random too, so that inputs matter."""
    config = config or tiny_config()
    torch.manual_seed(seed)
    model = M1Model(config, build_tokenizer(config.tokenizer)).eval()
    torch.nn.init.normal_(model.action_head.transformer.output.weight, std=0.3)
    return model


def random_images(config: M1Config, batch: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Noise ``[B, 70, 90, 3]`` for every view."""
    generator = torch.Generator().manual_seed(seed)
    return {
        view: torch.randint(0, 256, (batch, 70, 90, 3), dtype=torch.uint8, generator=generator)
        for view in config.images.views
    }


def rows(images: dict[str, torch.Tensor], *chosen: int) -> dict[str, torch.Tensor]:
    """Some rows of every view."""
    return {view: image[list(chosen)] for view, image in images.items()}
