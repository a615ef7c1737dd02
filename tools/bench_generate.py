"""What does planning first and rendering only what succeeded save, against rendering while simulating?

    python -m tools.bench_generate                                  # the expert, and one that errs
    python -m tools.bench_generate errors_px=0,6,9 episodes=32 renders=3

Both ways do the same work, in one process and in the same environments: the same episodes, as many renderings of each,
the same frames, pictures and boxes. Rendering while simulating runs each episode once a rendering, draws every frame,
and throws those of failures away.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from workbench.cli.options import OptionError, option, parse_options
from workbench.data.generate.options import GenerateOptions
from workbench.runs.provenance import machine


@dataclass
class BenchOptions:
    """Options of the benchmark."""

    errors_px: str = option(
        "0,6", "grounding errors of the demonstrator, comma-separated; 0 is the expert", "px"
    )
    episodes: int = option(32, "episodes", "episodes")
    renders: int = option(2, "renderings of each")
    num_envs: int = option(16, "environments in parallel")
    dr: str = option("heavy", "factor set")
    seed: int = option(0, "seed of the suite")
    frame_every: int = option(4, "steps between two frames", "control steps")


@dataclass
class Row:
    """One demonstrator, both ways."""

    error_px: float
    episodes: int
    kept: int
    frames: int
    """Kept frames of all cameras."""
    two_passes_s: float
    at_once_s: float

    @property
    def gain(self) -> float:
        """Kept frames per second of the two passes, against those of rendering while simulating."""
        return self.at_once_s / self.two_passes_s


def measure(options: GenerateOptions) -> Row:
    """Both ways, in this process."""
    from workbench.data.archive.archive import EPISODES, PLAN, settled
    from workbench.data.archive.chunk_writer import RollingWriter
    from workbench.data.generate.plan import PlanPass
    from workbench.data.generate.render import RenderPass
    from workbench.rollout.simulation import launch_tabletop

    o = options
    with (
        tempfile.TemporaryDirectory() as name,
        launch_tabletop(o.simulation_cfg(o.chosen_cameras, o.factor_set())) as env,
    ):
        root = Path(name)
        for camera in o.chosen_cameras:
            env.image(camera)  # builds the kernels
        began = time.perf_counter()
        plan, episodes = root / PLAN, root / EPISODES
        writer = RollingWriter(plan, o.task, o.chunk)
        PlanPass(o, writer, lambda line: None).plan(env, range(o.episodes))
        kept = sorted(line["index"] for line in settled(plan) if line["kept"])
        jobs = [o.job(index, k) for index in kept for k in range(o.renders)]
        writer = RollingWriter(episodes, o.task, o.chunk)
        RenderPass(o, plan, writer, lambda line: None).render(env, jobs)
        two_passes = time.perf_counter() - began
        lines = settled(episodes)
        began = time.perf_counter()
        for _ in range(o.renders):
            _at_once(env, o, root / "once")
        at_once = time.perf_counter() - began
    frames = sum(line["frames"] for line in lines)
    return Row(o.grounding_error_px, o.episodes, len(kept), frames, two_passes, at_once)


def _at_once(env: Any, o: GenerateOptions, folder: Path) -> None:
    """Simulate the episodes and draw every frame of them, in one go."""
    from workbench.data.archive.chunk_writer import RollingWriter
    from workbench.data.generate.plan import PlanPass
    from workbench.data.generate.silhouette import label_boxes
    from workbench.data.pictures import encode
    from workbench.rollout.simulation import TabletopSimulation

    class Filmed(TabletopSimulation):
        """Draws every so many steps."""

        pictures: list[bytes]

        def step(self, actions: Any) -> None:
            super().step(actions)
            if self._count % o.frame_every:
                return
            self.pictures = []
            for camera in o.chosen_cameras:
                images, labels = env.image(camera, self._idle).cpu().numpy(), env.labels(camera).cpu().numpy()
                for image, seen in zip(images, labels, strict=True):
                    self.pictures.append(encode(image, o.jpeg_quality))
                    label_boxes(seen, len(env.slots))

    class FilmedPass(PlanPass):
        simulation_class = Filmed

    FilmedPass(o, RollingWriter(folder, o.task, o.chunk), lambda line: None).plan(env, range(o.episodes))


def main() -> int:
    """Measure and print."""
    console = Console()
    try:
        options = parse_options(BenchOptions, sys.argv[1:])
    except OptionError as error:
        print(f"bench_generate: {error}", file=sys.stderr)
        return 2
    table = Table("error [px]", "episodes", "kept", "kept frames", "two passes [s]", "at once [s]", "gain")
    for error in map(float, options.errors_px.split(",")):
        made = GenerateOptions(
            policy="noisy_expert" if error else "expert", grounding_error_px=error, latency_steps=0,
            dr=options.dr, episodes=options.episodes, renders=options.renders, num_envs=options.num_envs,
            seed=options.seed, frame_every=options.frame_every,
        )  # fmt: skip
        made.resolve()
        row = measure(made)
        print(f"error {row.error_px:g} px: {row.gain:.2f}x", flush=True)
        table.add_row(
            f"{row.error_px:g}", str(row.episodes), str(row.kept), f"{row.frames:,}", f"{row.two_passes_s:.0f}",
            f"{row.at_once_s:.0f}", f"{row.gain:.2f}x",
        )  # fmt: skip
    console.print(table)
    print(machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())
