"""Endpoints for those who run the server: health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from setgen.serving.answers import HealthOut
from setgen.serving.metrics import MEDIA_TYPE
from setgen.serving.problems import ProblemError, answers
from setgen.serving.service import Serving

router = APIRouter(tags=["operations"], responses=answers())
health_router = APIRouter(tags=["operations"], responses=answers())


@health_router.get("/health")
async def health(service: Serving) -> HealthOut:
    """Whether the server works; asks for no key."""
    if not service.alive:
        raise ProblemError(503, "a worker has stopped: restart the server", headers={"Retry-After": "60"})
    return HealthOut(status="ok", waiting=service.network.waiting)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: Serving) -> Response:
    """Prometheus metrics: requests, their seconds, network calls and how many climbs share one, the queue."""
    return Response(service.metrics.text(), media_type=MEDIA_TYPE)
