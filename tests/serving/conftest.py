"""A served model and clients of it: in the same process for most tests, over a real socket for a few."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn

from setgen.climbing.similar import KnownClimbs
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.serving.app import create_app, several
from setgen.serving.model import ServedModel, load_model
from setgen.serving.server import listen, server_of
from setgen.serving.settings import Settings

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def model() -> ServedModel:
    """The built-in one, and climbs that others can be compared with."""
    return replace(load_model(), known=KnownClimbs(synthetic_board(), synthetic_climbs(50, 0)))


@asynccontextmanager
async def _client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://setgen") as client:
            client.app = app
            yield client


@pytest.fixture
def serving(model) -> Client:
    """`async with serving(api_key=…) as client`: a client of an app with these settings."""

    def make(served: ServedModel = model, **settings) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return _client(create_app(served, Settings(**settings)))

    return make


@pytest.fixture
async def client(serving) -> AsyncIterator[httpx.AsyncClient]:
    async with serving() as one:
        yield one


class Live:
    """A server on a socket of the loopback, in a thread."""

    def __init__(self, models: list[ServedModel], settings: Settings) -> None:
        self.paths, self.app = several(models, settings)
        self._socket = listen("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: uvicorn.Server = server_of(self.app, settings)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(120)
        assert not self._thread.is_alive()


@pytest.fixture
def live(model):
    """`live(connections=…)`: a server with these settings, and these models if not the built-in one, stopped when the
    test ends."""
    servers: list[Live] = []

    def make(models: list[ServedModel] | None = None, **settings) -> Live:
        servers.append(Live(models or [model], Settings(**settings)))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
