"""PyTorch's threads belong to the policy's thread: helpers of several threads put each other to sleep."""

import threading

import torch

from policy.serve.server.batcher import Batcher
from policy.serve.server.metrics import Metrics
from workbench.serving.serve import keep_threads


def test_the_policy_alone_has_more_than_one_thread():
    before, found = torch.get_num_threads(), []
    batcher = Batcher(None, 1, Metrics({}))

    def look() -> None:
        found.append(torch.get_num_threads())

    try:
        keep_threads(batcher, 3)
        batcher.host(look, lambda: None, 5.0)
        other = threading.Thread(target=look)
        other.start()
        other.join()
        look()
    finally:
        batcher.close()
        torch.set_num_threads(before)
    assert found == [3, 1, 1]
