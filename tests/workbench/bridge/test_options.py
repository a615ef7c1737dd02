import pytest

from workbench.bridge.options import BridgeOptions
from workbench.cli.options import OptionError, parse_options


def refused(*words: str) -> str:
    with pytest.raises(OptionError) as found:
        parse_options(BridgeOptions, words).resolve()
    return str(found.value)


def test_a_real_arm_is_armed_and_hastened_by_nobody_but_the_person_beside_it() -> None:
    real = ("robot=franka", "mode=live", "address=172.16.0.2", "instruction=x")
    parse_options(BridgeOptions, real).resolve()
    assert "by the person beside it" in refused(*real, "arm=true")
    assert "by the person beside it" in refused(*real, "scale=0.5")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["robot=ur5"], "robot=ur5: choose one of twin, franka"),
        (["mode=fast"], "mode=fast: choose one of dry_run, shadow, live"),
        (["robot=franka", "policy=expert", "instruction=x"], "told by the twin's sensor where things are"),
        (
            ["robot=franka", "policy=noisy_expert", "instruction=x"],
            "told by the twin's sensor where things are",
        ),
        (["policy=noisy_expert", "policy.error=3"], "has policy.error_mm and policy.latency_steps"),
        (["policy=noisy_expert", "policy.error_mm=some"], "policy.error_mm is a number"),
        (["policy=noisy_expert", "policy.latency_steps=40"], "policy.latency_steps from 0 to 20"),
        (["policy=expert", "policy.error_mm=15"], "policy.error_mm: expert has no options of its own"),
        (["robot=franka", "mode=live", "instruction=x"], "needs address="),
        (["robot=franka"], "instruction= is missing"),
        (["policy=m1"], "others run behind `workbench serve`"),
        (["scale=0.05"], "scale must be from 0.1 to 1"),
        (["task=push"], "task=push: the twin plays pick_place alone"),
        (["robot=franka", "instruction=x", "task=wipe"], "there is no task 'wipe'"),
        (["robot=franka", "instruction=x", "task=wipe"], "a task that is not installed here needs reasons="),
        (["robot=franka", "instruction=x", "reasons=a,b,c,d,e,f,g,h,i,j"], "nine at most, one a key"),
        (["address=1.2.3.4"], "address= and cameras= are of real arms"),
        (["robot=franka", "instruction=x", "cameras=front=usb:1"], "NAME=opencv:NUMBER"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], said: str) -> None:
    assert said in refused(*words)
