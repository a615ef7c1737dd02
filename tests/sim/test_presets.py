"""One configuration, three engines, two renderers: checked as far as is possible without starting any."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sim


def resolved(physics: str, renderer: str):
    from isaaclab_tasks.utils.hydra import resolve_presets

    from tasks.tabletop.env_cfg import TabletopEnvCfg

    return resolve_presets(TabletopEnvCfg(), [physics, renderer])


@pytest.mark.parametrize(
    ("physics", "renderer", "needs_kit"),
    [
        ("ovphysx", "newton_warp", False),
        ("newton_mjwarp", "newton_warp", False),
        ("newton_mjwarp", "isaac_rtx", True),
        ("isaacsim_physx", "newton_warp", True),
        ("isaacsim_physx", "isaac_rtx", True),
    ],
)
def test_presets_select_engine_and_renderer(physics, renderer, needs_kit):
    from isaaclab.app import validate_launch

    from tasks.engines.presets import engine_name

    cfg = resolved(physics, renderer)
    assert engine_name(cfg) == physics
    wanted = {"newton_warp": "NewtonWarpRendererCfg", "isaac_rtx": "IsaacRtxRendererCfg"}[renderer]
    assert [type(cfg.scene.front.renderer_cfg).__name__, type(cfg.scene.wrist.renderer_cfg).__name__] == [
        wanted
    ] * 2
    _, kit_sources = validate_launch(cfg, {"device": "cpu"})
    assert bool(kit_sources) == needs_kit, kit_sources


def test_isaac_lab_refuses_ovphysx_with_rtx_as_the_bench_does():
    from isaaclab.app import validate_launch

    from workbench.rollout.launch import LaunchError, check_launch

    with pytest.raises(ValueError, match=r"(?i)ovphysx"):
        validate_launch(resolved("ovphysx", "isaac_rtx"), {"device": "cpu"})
    with pytest.raises(LaunchError, match="ovphysx"):
        check_launch("ovphysx", "isaac_rtx", "cpu")
