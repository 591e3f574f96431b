"""What a server allows, in one place: how much at once, how long, to whom."""

from __future__ import annotations

import re
from dataclasses import dataclass

from setgen.errors import InputError


@dataclass(frozen=True)
class Settings:
    """api_key: what clients must send, printable ASCII without blanks, for other characters come through an
    HTTP header in more than one way; None asks for none. cors: origins whose pages may call.

    most_climbs: of one request; most_draws: made to choose them among. score_holds: holds times orders of one
    request for scores, each of which is
    a row of the network. batch_rows: climbs of one network call at most. batch_wait: seconds that a
    request waits for others to share its call, where the last one was shared. waiting_rows: climbs that may
    wait; beyond that requests are turned away. client_rows: those of one client (an address).
    waiting_pictures, client_pictures: the same for pictures.
    body_bytes, body_seconds: of a request's body. request_seconds: from the body to the answer, and again for
    the client to read what is left of it.
    header_seconds: for a request's head. connections: open at once, beyond which requests are turned away.
    root_path: below which a proxy shows the server, such as /climbs, and which it takes off.
    """

    api_key: str | None = None
    cors: tuple[str, ...] = ()
    most_climbs: int = 64
    most_draws: int = 256
    score_holds: int = 8192
    batch_rows: int = 256
    batch_wait: float = 0.003
    waiting_rows: int = 1024
    client_rows: int = 512
    waiting_pictures: int = 16
    client_pictures: int = 8
    body_bytes: int = 64 * 1024
    body_seconds: float = 10.0
    request_seconds: float = 30.0
    header_seconds: float = 10.0
    connections: int = 512
    root_path: str = ""

    def __post_init__(self) -> None:
        if self.api_key is not None and not re.fullmatch(r"[!-~]+", self.api_key):
            raise InputError("the API key must be ASCII letters, digits and signs, without blanks")
        if not re.fullmatch(r"(/[\w.~-]+)*", self.root_path, re.ASCII):
            raise InputError(
                f"the root path {self.root_path!r} is none: give one such as /climbs, no / at its end"
            )
