"""The app: endpoints, middleware and settings put together around one model."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.applications import Starlette
from starlette.routing import Mount

import setgen
from setgen.serving import problems
from setgen.serving.auth import require_key
from setgen.serving.heads import Heads
from setgen.serving.limits import Limits
from setgen.serving.model import ServedModel
from setgen.serving.request_log import HEADER, RequestLog
from setgen.serving.routes import board, design, judgement, operations, page
from setgen.serving.service import Offered, Service
from setgen.serving.settings import Settings

_ABOUT = """Climbs for LED training boards from a trained model: new ones, ones around holds you have chosen,
how likely and how hard they are. Holds are frames strings (`p5r1p16r2`) or hole names (`G5:start,G16`).
Errors are problem details (RFC 9457) that name the field. Every answer carries `X-Request-ID`."""


def create_app(
    model: ServedModel, settings: Settings | None = None, offered: Sequence[Offered] | None = None
) -> FastAPI:
    """An ASGI app that serves `model`; it works once its lifespan has begun.

    offered: what the page lets choose among; None: this model alone.
    """
    settings = settings or Settings()
    service = Service(model, settings, offered)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await service.stop()

    app = FastAPIOffline(  # FastAPI, whose /docs are made of files of this package, not of a CDN's
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs-files",
        favicon_url="data:,",
        title="setgen",
        version=setgen.__version__,
        description=_ABOUT,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,  # what generated clients call their methods
    )
    app.state.service = service
    problems.install(app)
    locked = [] if settings.api_key is None else [Depends(require_key(settings.api_key))]
    for routes in (design, judgement, board, operations):
        app.include_router(routes.router, dependencies=locked)
    app.include_router(operations.health_router)
    app.include_router(page.router)
    app.add_middleware(Heads)
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(RequestLog, metrics=service.metrics)
    if settings.cors:  # outermost, so that refusals of the others can be read by other sites too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Content-Type", "X-API-Key", "Authorization", HEADER],
            expose_headers=[HEADER, "Retry-After"],
        )
    _describe_problems(app)
    return app


def several(models: Sequence[ServedModel], settings: Settings | None = None) -> tuple[list[str], Starlette]:
    """The paths of several models, the first at the root, and one app of them all: each has a page, an API, a queue
    and limits of its own, as `create_app` makes them."""
    taken: list[str] = [""]
    for model in models[1:]:
        name = re.sub(r"[^a-z0-9]+", "-", f"{model.board.name} {model.generator.name}".lower()).strip("-")
        number = sum(path.startswith(f"boards/{name}") for path in taken)
        taken.append(f"boards/{name}{f'-{number + 1}' if number else ''}/")
    offered = [
        Offered(f"{model.board.name}, {model.generator.name}", path)
        for model, path in zip(models, taken, strict=True)
    ]
    apps = [
        create_app(model, settings, [replace(one, here=one.path == path) for one in offered])
        for model, path in zip(models, taken, strict=True)
    ]
    if len(apps) == 1:
        return taken, apps[0]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    routes = [
        Mount("/" + path.rstrip("/"), app) for path, app in reversed(list(zip(taken, apps, strict=True)))
    ]
    return taken, Starlette(routes=routes, lifespan=lifespan)


def _describe_problems(app: FastAPI) -> None:
    """Put the schema of problems, which no endpoint returns by itself, into the OpenAPI document."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = original()["components"]["schemas"]
            whole = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= whole.pop("$defs")
            schemas["Problem"] = whole
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
