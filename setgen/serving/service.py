"""What the endpoints share: the model, the two workers (network, pictures), the settings and the metrics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from setgen.climbing.board import Board
from setgen.serving.batching import Batcher, Full, OwnerFull
from setgen.serving.calls import Call
from setgen.serving.metrics import Metrics
from setgen.serving.model import ServedModel
from setgen.serving.problems import busy, too_many
from setgen.serving.settings import Settings
from setgen.serving.stopping import Stopped, stoppable


@dataclass(frozen=True)
class Offered:
    """A model that this server has. path: of its page, below that of the first. here: it is the one that is asked."""

    name: str
    path: str
    here: bool = True


class Service:
    """One server's parts. Start and stop it inside the event loop. client: on whose behalf it is asked."""

    client = ""

    def __init__(
        self, model: ServedModel, settings: Settings, offered: Sequence[Offered] | None = None
    ) -> None:
        self.model, self.settings, self.metrics = model, settings, Metrics()
        self.offered = offered or [Offered(f"{model.board.name}, {model.generator.name}", "")]
        self.network = Batcher(
            self._run,
            rows=settings.batch_rows,
            wait=settings.batch_wait,
            waiting=settings.waiting_rows,
            each=settings.client_rows,
            observe=self.metrics.batch,
        )
        self.pictures = Batcher(
            lambda _, works: [draw() for draw in works],
            rows=1,
            wait=0.0,
            waiting=settings.waiting_pictures,
            each=settings.client_pictures,
        )
        self.metrics.watch(lambda: self.network.waiting)

    @property
    def board(self) -> Board:
        return self.model.board

    @property
    def alive(self) -> bool:
        return self.network.alive and self.pictures.alive

    def start(self) -> None:
        self.network.start()
        self.pictures.start()

    async def stop(self) -> None:
        await self.network.stop()
        await self.pictures.stop()

    def on_behalf_of(self, client: str) -> Service:
        """The same service, asked by this client."""
        shared = copy.copy(self)
        shared.client = client
        return shared

    async def call(self, call: Call, work: Any, rows: int = 1) -> Any:
        """One request's part of a network call. A full queue is a 503 with Retry-After, a client that has too
        much waiting already gets a 429. Once nobody waits for a call under way, it ends at its next step."""
        return await self._submit(self.network, call, work, rows)

    async def picture(self, draw: Callable[[], bytes]) -> bytes:
        """What `draw` returns, run in the thread for pictures."""
        return await self._submit(self.pictures, "picture", draw, 1)

    async def _submit(self, batcher: Batcher, kind: Any, work: Any, rows: int) -> Any:
        try:
            return await batcher.submit(kind, work, rows, self.client)
        except OwnerFull as full:
            self.metrics.refused.inc()
            raise too_many(
                "too many of your requests are waiting: ask again when some are answered", full.retry_after
            ) from None
        except Full as full:
            self.metrics.refused.inc()
            raise busy("the server is busy: too many requests are waiting", full.retry_after) from None

    def _run(self, call: Call, works: list[Any]) -> list[Any]:
        try:
            with stoppable(self.model.generator, lambda: self.network.abandoned):
                return call.run(self.model, works)
        except Stopped:
            self.metrics.stopped.inc()
            raise


async def _service(request: Request) -> Service:
    # The address, not the key: a server has one key, which all of its clients share.
    return request.app.state.service.on_behalf_of(request.client.host if request.client else "")


Serving = Annotated[Service, Depends(_service)]
