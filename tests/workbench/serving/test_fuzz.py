"""Damaged messages, to servers and clients: a sentence each, never a crash, another answer, or more memory."""

import random
import resource

import numpy as np
import pytest
import torch

from policy.contract import Decision
from policy.serve import gr00t, internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.client.actor import Actor
from policy.serve.client.address import Address
from policy.serve.client.settings import Settings
from policy.serve.errors import ConnectionLost, RemoteError
from policy.serve.exchange import MEASURED, Asked
from policy.serve.images import EncodedImage
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.serving.served import service_of

DIALECTS = ("openpi", "roboarena", "m1", "starvla", "vla-eval", "n1.5", "n1.6", "n1.7")
IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
STATE = {"joint_pos": np.ones(7), "joint_vel": np.ones(7), "ee_pose": np.ones(7), "gripper_width": np.ones(1)}
GROWTH_MB = 400


class Still:
    """Stays where it is."""

    execute_steps = 2
    cameras = ("front", "wrist")
    name = "still"
    action_spec = DELTA_EEF

    def act(self, observation):
        n = len(observation.env_ids)
        assert n == len(observation.instruction) == len(observation.joint_pos)
        return Decision(torch.zeros(n, 2, 7), [None] * n)


def requests(dialect):
    """Whole messages of clients."""
    own = {"session": "a", "seed": 1, "step": 0, **{k: np.asarray(v, np.float32) for k, v in STATE.items()}}
    own["gripper_width"] = own["gripper_width"].reshape(())
    views = [[IMAGE, IMAGE], [IMAGE, IMAGE]]
    owns = [own, own | {"session": "b"}]
    flat = {"observation/front": IMAGE, "observation/wrist": IMAGE, "prompt": "go"}
    flat |= {"observation/" + k: v for k, v in STATE.items()}
    if dialect == "openpi":
        return [openpi.encode(flat), openpi.encode(flat | {"workbench": own})]
    if dialect == "roboarena":
        asks = flat | {"endpoint": "infer", "session_id": "s"}
        return [
            roboarena.encode(m)
            for m in (asks, {"endpoint": "reset", "session_ids": ["s"]}, asks | {"workbench": own})
        ]
    if dialect == "m1":
        payload = {"batch_images": views, "instructions": ["a", "b"], "workbench": owns}
        typed = {"type": "infer", "request_id": "r", "payload": payload}
        return [
            internvla_m1.encode(m)
            for m in (payload, typed, {"type": "ping", "request_id": "p"}, {"reset": True})
        ]
    if dialect == "starvla":
        examples = [{"image": v, "lang": "go", "state": np.ones(22)} for v in views]
        both = ({"examples": examples}, {"examples": examples, "workbench": owns})
        return [starvla.encode({"type": "infer", "request_id": "r", "payload": p}) for p in both]
    if dialect == "vla-eval":
        png = EncodedImage.of(IMAGE)
        seen = {"images": {"front": png, "wrist": IMAGE}, "task_description": "x", "states": np.ones(22)}
        kinds = [
            ("hello", {}),
            ("episode_start", {"task": {}}),
            ("observation", seen),
            ("observation", seen | {"workbench": own}),
        ]
        return [vla_eval.encode(vla_eval.Message(k, p, i, 1.0)) for i, (k, p) in enumerate(kinds)]
    key = gr00t_prompt(dialect)
    if dialect == "n1.5":
        data = {"video.front": IMAGE[None], "video.wrist": IMAGE[None], key: ["go"]}
        data |= {"state." + k: v[None] for k, v in STATE.items()}
        return [
            gr00t.encode({"endpoint": "get_action", "data": d}, dialect)
            for d in (data, data | {"workbench": own})
        ]
    two = np.stack([IMAGE, IMAGE])[:, None]
    seen = {"video.front": two, "video.wrist": two, key: ["a", "b"]}
    nested = {"video": {"front": two, "wrist": two}, "language": {key: [["a"], ["b"]]}}
    datas = [
        {"observation": seen if dialect == "n1.7" else nested, "options": o}
        for o in (None, {"workbench": owns})
    ]
    return [gr00t.encode({"endpoint": "get_action", "data": d}, dialect) for d in datas] + [
        gr00t.encode({"endpoint": e}, dialect) for e in ("ping", "reset", "get_modality_config")
    ]  # fmt: skip


def gr00t_prompt(version):
    from policy.serve.client.gr00t import LANGUAGE

    return LANGUAGE[version]


def damaged(rng, frames):
    """A frame with some bytes changed, cut, doubled, or exchanged for another frame's."""
    frame = bytearray(rng.choice(frames))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        way, at = rng.randrange(6), rng.randrange(max(1, len(frame)))
        if way == 0 and frame:
            frame[at % len(frame)] = rng.randrange(256)
        elif way == 1:
            del frame[at:]
        elif way == 2:
            frame[at:at] = rng.randbytes(rng.randrange(1, 6))
        elif way == 3:
            other = rng.choice(frames)
            frame[at:] = other[rng.randrange(len(other)) :]
        elif way == 4 and frame:
            frame[at % len(frame)] ^= 1 << rng.randrange(8)
        else:
            del frame[at : at + rng.randrange(1, 8)]
    return bytes(frame)


def memory_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fuzz_server(dialect, count, seed):
    """Damaged requests, one after the other, and whole ones in between; how many of each were answered well."""
    service, batcher = service_of(Still(), dialect)
    rng, frames, refused = random.Random(seed), requests(dialect), 0

    def run():
        nonlocal refused
        spoken = service.speak()
        before = memory_mb()
        for i in range(count):
            frame = damaged(rng, frames)
            answer = service.answer(spoken, f"client{i % 5}", frame)
            assert answer is None or isinstance(answer, bytes | str)
            if isinstance(answer, str) and answer != roboarena.RESET_REPLY:
                assert "\n" not in answer
            if i % 50 == 0:
                refusals = service.metrics.value("refused_total")
                for whole in frames:
                    service.answer(service.speak(), "whole", whole)
                assert service.metrics.value("refused_total") == refusals, "a whole message was refused"
        assert memory_mb() - before < GROWTH_MB
        refused = service.metrics.value("refused_total")
        assert service.metrics.value("failures_total") == 0

    try:
        run()
    finally:
        batcher.close()
    assert service.under_way == 0
    assert 0.3 * count < refused < count
    return refused


class Scripted:
    """A connection on which the next answer is what a test wants."""

    def __init__(self, replies):
        self.replies, self.closed, self.asked = replies, False, []

    def send(self, frame):
        assert not self.closed

    def receive(self, timeout_s):
        assert not self.closed, "a closed connection is used again"
        return next(self.replies)

    def ask(self, frame, timeout_s):
        self.send(frame)
        return self.receive(timeout_s)

    def close(self):
        self.closed = True

    leave = abandon = close


def replies(dialect):
    """A server's greeting and its whole answers, found by asking one."""
    service, batcher = service_of(Still(), dialect)
    found = []

    def run():
        spoken = service.speak()
        found.append(spoken.greeting())
        for frame in requests(dialect):
            found.append(service.answer(spoken, "x", frame))

    try:
        run()
    finally:
        batcher.close()
    return [f for f in found if isinstance(f, bytes)]


def fuzz_client(dialect, count, seed):
    """Damaged answers: each question is answered by numbers of the right shape or by a sentence."""
    rng, frames = random.Random(seed), replies(dialect)
    address = f"gr00t://x?version={dialect}" if dialect.startswith("n1") else f"{dialect}://x"
    images = {"video.front": IMAGE} if dialect.startswith("n1") else {"front": IMAGE}
    asked = [
        Asked(images, {}, "go", session="s", own={"seed": 1, "step": 0, **{k: STATE[k] for k in MEASURED}})
    ]
    refused, sentences = 0, []
    for _ in range(count):
        script = iter([damaged(rng, frames) if rng.random() < 0.7 else rng.choice(frames) for _ in range(12)])

        def opening(address, settings, script=script):
            return Scripted(lasting(script))

        actor = Actor(
            Address.read(address), Settings(patience_s=0, attempts=1), stateless=True, opening=opening
        )
        try:
            ((chunk, _),) = actor.act([0], asked)
            assert all(isinstance(part, np.ndarray) and part.ndim == 2 for part in chunk.values())
        except RemoteError as problem:
            refused += 1
            sentences.append(str(problem))
        finally:
            actor.close()
    assert refused > count // 4
    assert not [sentence for sentence in sentences if "\n" in sentence]


def lasting(script):
    yield from script
    while True:
        raise ConnectionLost("the script is over")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_damaged_messages_to_a_server(dialect):
    fuzz_server(dialect, 150, seed=1)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_damaged_answers_to_a_client(dialect):
    fuzz_client(dialect, 60, seed=2)


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_hundred_thousand_damaged_messages(dialect):
    """8 dialects, 10,000 to each server and 3,000 to each client."""
    fuzz_server(dialect, 10_000, seed=3)
    fuzz_client(dialect, 3_000, seed=4)
