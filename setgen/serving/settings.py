"""What a server allows, in one place: how much at once, how long, to whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """api_key: what clients must send; None asks for none. cors: origins whose pages may call.

    most_climbs: of one request. batch_rows: climbs of one network call at most. batch_wait: seconds that the
    first request of an idle server waits for others to share its call. waiting_rows: climbs that may wait;
    beyond that requests are turned away. waiting_pictures: the same for pictures.
    body_bytes, body_seconds: of a request's body. request_seconds: from the body to the answer's last byte.
    header_seconds: for a request's head. connections: open at once, beyond which requests are turned away.
    """

    api_key: str | None = None
    cors: tuple[str, ...] = ()
    most_climbs: int = 64
    batch_rows: int = 256
    batch_wait: float = 0.003
    waiting_rows: int = 1024
    waiting_pictures: int = 16
    body_bytes: int = 64 * 1024
    body_seconds: float = 10.0
    request_seconds: float = 30.0
    header_seconds: float = 10.0
    connections: int = 512
