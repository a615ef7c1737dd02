"""Dialects by name: who speaks them, and over what."""

from __future__ import annotations

from collections.abc import Callable

from policy.serve.client.address import Address
from policy.serve.client.connection import Connection
from policy.serve.client.gr00t import Gr00tSpeaker
from policy.serve.client.openpi import OpenpiSpeaker
from policy.serve.client.roboarena import DreamZeroSpeaker, RoboArenaSpeaker
from policy.serve.client.settings import Settings
from policy.serve.client.speaker import Speaker
from policy.serve.client.status import M1Speaker, StarVlaSpeaker
from policy.serve.client.vla_eval import VlaEvalSpeaker


def speaker(address: Address, settings: Settings, unnorm_key: str = "") -> Speaker:
    """Who speaks the dialect of an address."""
    makers: dict[str, Callable[[], Speaker]] = {
        "openpi": OpenpiSpeaker,
        "roboarena": RoboArenaSpeaker,
        "dreamzero": DreamZeroSpeaker,
        "m1": lambda: M1Speaker(unnorm_key),
        "starvla": lambda: StarVlaSpeaker(unnorm_key),
        "gr00t": lambda: Gr00tSpeaker(address.version, settings.token),  # type: ignore[arg-type]
        "vla-eval": VlaEvalSpeaker,
    }
    return makers[address.dialect]()


def opened(address: Address, settings: Settings) -> Connection:
    """A new connection to an address; ConnectionLost if there is none to be had."""
    if address.dialect == "gr00t":
        from policy.serve.client.zeromq import ZeroMQConnection

        return ZeroMQConnection(address, settings.timeout_s)
    from policy.serve.client.websocket import WebsocketConnection

    return WebsocketConnection(address, settings.connect_s, settings.timeout_s, headers(address, settings))


def headers(address: Address, settings: Settings) -> dict[str, str]:
    """Those of a handshake: the token, as the dialect's own clients show theirs."""
    if not settings.token:
        return {}
    scheme = "Bearer" if address.dialect in ("dreamzero", "vla-eval") else "Api-Key"
    return {"Authorization": f"{scheme} {settings.token}"}
