"""A fix for machines without CUDA."""

from __future__ import annotations

import warp


def allow_no_cuda() -> None:
    """Let OvPhysX stage its buffers in ordinary memory where there is no CUDA driver to pin any.

    Without this, its first write fails with "Failed to allocate 8 bytes on device 'cpu'". Harmless when called twice,
    and does nothing where CUDA works.
    """
    warp.init()
    if not warp.is_cuda_available():
        cpu = warp.get_device("cpu")
        cpu.pinned_allocator = cpu.default_allocator
