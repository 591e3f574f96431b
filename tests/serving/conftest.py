"""A served model and clients of it: in the same process for most tests, over a real socket for a few."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from setgen.serving.app import create_app
from setgen.serving.model import ServedModel, load_model
from setgen.serving.settings import Settings

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def model() -> ServedModel:
    return load_model()


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
