"""What the expert says of where it acts, and what errors and latency make of it."""

import numpy as np
import pytest
import torch

from policy.grounding import GRASP, PLACE, RECEPTACLE, TARGET
from tasks.cameras import back_project
from tasks.tabletop.carry_expert import CLOSE
from tasks.tabletop.carry_expert import CarryExpert as Expert
from tasks.tabletop.carry_grounding import true_grounding
from tests.tasks.tabletop.toy_world import CAMERA, SPACES, ToyWorld, run, scenes

pytestmark = pytest.mark.usefixtures("one_thread")


# -- grounding


def claims_at_first(expert, world, seeds):
    expert.reset(range(world.n), seeds)
    return expert.act(world.observe()).grounding


def points(claim):
    return {p.label: np.array(p.uv) for p in claim.points}


def test_without_error_the_expert_says_the_truth():
    world = ToyWorld(scenes(4))
    for i, claim in enumerate(claims_at_first(Expert(4), world, range(4))):
        truth = true_grounding(world.view(), i)
        assert (claim.camera, claim.image_size) == (truth.camera, truth.image_size)
        assert {b.label for b in claim.boxes} == {TARGET, RECEPTACLE}
        for label, uv in points(truth).items():
            np.testing.assert_allclose(points(claim)[label], uv, atol=1e-3)
        for said, true in zip(claim.boxes, truth.boxes, strict=True):
            assert said.iou(true) == pytest.approx(1.0, abs=1e-4)


def test_the_true_place_is_where_the_middle_of_the_object_comes_to_rest():
    n = 8
    world = ToyWorld(scenes(n))
    said = [points(true_grounding(world.view(), i))[PLACE] for i in range(n)]
    run(world, Expert(n))
    view = world.view()
    assert view.in_place.all(), "something was not put down: this test tests nothing"
    rests = view.pixels(view.target_pose[:, None, :3])[:, 0]
    off = np.linalg.norm(rests.numpy() - np.stack(said), axis=1)
    assert off.max() < 0.1, f"{off.max():.1f} px beside it"


def test_the_noisy_expert_is_off_by_exactly_its_error_in_what_it_says():
    n = 16
    world, expert = ToyWorld(scenes(n)), Expert(n, grounding_error_px=4.0)
    for i, claim in enumerate(claims_at_first(expert, world, range(n))):
        truth = points(true_grounding(world.view(), i))
        for k, label in enumerate((GRASP, PLACE)):
            np.testing.assert_allclose(
                points(claim)[label] - truth[label], expert.error_px[i, k], atol=1e-3, err_msg=label
            )
    assert expert.error_px.norm(dim=-1).min() > 0
    assert float(expert.error_px.std()) == pytest.approx(4.0, rel=0.35), "64 draws"


@pytest.mark.long
def test_an_expert_that_errs_at_first_succeeds_where_one_that_always_errs_does_not():
    n = 16
    done = {}
    for attempts in (0, 1):
        world = ToyWorld(scenes(n))
        expert = Expert(n, grounding_error_px=12.0, error_attempts=attempts)
        run(world, expert, steps=400, seeds=list(range(n)))
        done[attempts] = world.progress.succeeded.sum().item()
    assert done[0] < n
    assert done[1] == n
    assert 0 < (expert.failed > 0).sum() < n, "a first attempt may be good enough, or not"
    assert (expert.failed < 2).all()


def test_the_error_depends_on_the_seed_of_the_episode_only():
    few, many = Expert(1, grounding_error_px=4.0), Expert(8, grounding_error_px=4.0)
    few.reset([0], [42])
    many.reset([3, 6], [1, 42])
    assert torch.equal(few.error_px[0], many.error_px[6])
    assert not torch.equal(many.error_px[3], many.error_px[6])
    doubled = Expert(1, grounding_error_px=8.0)
    doubled.reset([0], [42])
    torch.testing.assert_close(doubled.error_px, 2 * few.error_px)


def test_the_noisy_expert_goes_where_it_said():
    """Where it closes the hand is the claimed pixel, taken back to the height of the grasp."""
    n = 16
    world, expert = ToyWorld(scenes(n)), Expert(n, grounding_error_px=4.0)
    said = claims_at_first(expert, world, range(n))
    true = world.view().grasp_point(torch.zeros(n, dtype=torch.long))
    uv = torch.tensor(np.stack([points(claim)[GRASP] for claim in said]), dtype=torch.float32)
    meant = back_project(uv, *world.camera, CAMERA.intrinsics(), true[:, 2])
    closed = torch.full((n, 3), torch.nan)

    def watch(_):
        now = (expert.phase == CLOSE) & closed[:, 0].isnan()
        closed[now] = world.position[now]

    run(world, expert, steps=100, seeds=list(range(n)), each_step=watch)
    assert closed.isfinite().all(), "some hand never closed: this test tests nothing"
    off = (closed - meant)[:, :2].norm(dim=1)
    error = (meant - true)[:, :2].norm(dim=1)
    assert error.max() > 0.01, "the errors are too small to tell"
    assert off.max() < 0.003, f"it went {1e3 * off.max():.1f} mm beside where it said it would"


def test_the_trace_begins_at_the_tool_and_ends_at_the_place_it_claims():
    world = ToyWorld(scenes(4))
    claims = claims_at_first(Expert(4, grounding_error_px=4.0), world, range(4))
    tool = world.view().pixels(world.position[:, None])[:, 0]
    for i, claim in enumerate(claims):
        assert len(claim.trace) == 24
        np.testing.assert_allclose(claim.trace[0], tool[i], atol=1e-2)
        end = np.linalg.norm(np.subtract(claim.trace[-1], points(claim)[PLACE]))
        assert end < 40, (
            f"the trace ends {end:.0f} px from the claimed place"
        )  # above it by the object's height


def test_a_claim_is_made_every_second():
    world, expert = ToyWorld(scenes(1)), Expert(1)
    said = []
    run(world, expert, steps=61, each_step=lambda decision: said.append(decision.grounding[0] is not None))
    assert [i for i, yes in enumerate(said) if yes] == [0, 20, 40, 60]


# -- latency


@SPACES
@pytest.mark.parametrize("latency", [1, 2, 5])
def test_latency_shifts_actions_by_that_many_steps(spec, latency):
    """Both see the same states; what one does now, the other does later, and rests before."""
    world = ToyWorld(scenes(3), spec)
    prompt, late = Expert(3, spec), Expert(3, spec, latency_steps=latency)
    for expert in (prompt, late):
        expert.reset(range(3), range(3))
    now, later = [], []
    for _ in range(60):
        seen = world.observe()
        now.append(prompt.act(seen).actions[:, 0])
        later.append(late.act(seen).actions[:, 0])
        world.step(now[-1])
    torch.testing.assert_close(torch.stack(later[latency:]), torch.stack(now[:-latency]))
    assert (torch.stack(later[:latency])[..., :-1] == 0).all()
    assert (torch.stack(later[:latency])[..., -1] == 1).all()


def test_latency_is_the_experts_own_and_does_not_keep_it_from_succeeding_here():
    world = ToyWorld(scenes(8))
    run(world, Expert(8, latency_steps=3))
    assert world.progress.succeeded.all()


def test_the_names_tell_the_honest_expert_from_the_noisy_one():
    assert Expert(1).name == "expert"
    assert Expert(1, latency_steps=1).name == Expert(1, grounding_error_px=1.0).name == "noisy_expert"
