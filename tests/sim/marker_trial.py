"""Run by `test_pictures`: a ball between the fingertips, its place in the segmentation, and where the trace puts it."""

from __future__ import annotations

import math
import sys

import numpy as np

RADIUS = 0.008


def main() -> int:
    from workbench.rollout.launch import prepare_process

    prepare_process()
    import isaaclab.sim as sim_utils
    from isaaclab.app import launch_simulation
    from isaaclab.assets import AssetBaseCfg
    from isaaclab_tasks.utils.hydra import resolve_presets

    from domain_rand.sets import load_set
    from robots.franka import PANDA
    from robots.franka.model import HAND_PATH
    from tasks.tabletop.carry_expert import CarryExpert
    from tasks.tabletop.env import TabletopEnv
    from tasks.tabletop.env_cfg import TabletopEnvCfg
    from workbench.rollout.simulation import TabletopSimulation

    cfg = TabletopEnvCfg()
    cfg.seed, cfg.scene.num_envs, cfg.scene.wrist = 0, 4, None
    cfg.scene.ball = AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/Robot/" + HAND_PATH + "/ball",
        init_state=AssetBaseCfg.InitialStateCfg(pos=PANDA.tool_offset),
        spawn=sim_utils.SphereCfg(
            radius=RADIUS,
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(1.0, 0.0, 1.0)),
            semantic_tags=[("class", "ball")],
        ),
    )
    cfg = resolve_presets(cfg, ["ovphysx", "newton_warp"])
    with launch_simulation(cfg, {"device": "cpu"}):
        env = TabletopEnv(cfg)
        simulation = TabletopSimulation(env, load_set("default"), 5, 300)
        expert = CarryExpert(4, env.action_spec)
        expert.reset(range(4), simulation.begin(range(4), range(4)))
        spec = env.cameras["front"]
        for step in range(90):
            simulation.step(expert.act(simulation.observe(expert)).actions[:, 0])
            if step % 3 == 2:
                labels = env.scene["front"].data.output["instance_segmentation"].torch[..., 0].numpy()
                named = env.scene["front"].data.info["instance_segmentation"]["idToLabels"]
                view = env.privileged_view(range(4))
                tool = env.tool()[0]
                projected = view.pixels(tool[:, None])[:, 0].numpy()
                for row in range(4):
                    ids = [
                        int(i)
                        for i, path in named.items()
                        if f"env_{row}/" in str(path) and "/ball" in str(path)
                    ]
                    v, u = np.nonzero(np.isin(labels[row], ids))
                    distance = float((tool[row] - view.camera_position[row]).norm())
                    whole = math.pi * (RADIUS * spec.focal_px / distance) ** 2
                    if len(u) > 0.8 * whole:  # nothing hides it
                        error = np.hypot(
                            u.mean() + 0.5 - projected[row, 0], v.mean() + 0.5 - projected[row, 1]
                        )
                        print(f"ERROR_PX {error:.3f}")
        env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
