"""A JSON line a request on standard error, and the request's id in and out (X-Request-ID)."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from setgen.serving.metrics import Metrics
from setgen.serving.problems import problem_response

HEADER = "X-Request-ID"
_GOOD_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

logger = logging.getLogger("setgen.serving")


class JsonLines(logging.Formatter):
    """A log record as one JSON object; the fields of a request are those of `RequestLog`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


class RequestLog:
    """Middleware: gives each request an id, logs how it ended, and counts it. What the app did not foresee
    becomes a 500 that names the id."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        failure: Exception | None = None
        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            failure = error
            if status:  # half an answer: the connection must be closed, which uvicorn does on an error
                raise
            detail = f"the server failed at this request; its log says why under {request_id}"
            await problem_response(500, detail)(scope, receive, noted)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began, failure)

    def _note(
        self, scope: Scope, request_id: str, status: int, seconds: float, failure: Exception | None
    ) -> None:
        # Only paths of the app are labels: anyone can make up others without end.
        path = getattr(scope.get("route"), "path", "other")
        if status:
            self.metrics.requests.labels(path, _method(scope), str(status)).inc()
            self.metrics.seconds.labels(path).observe(seconds)
        else:
            self.metrics.cancelled.inc()
        fields = {
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"],
            "status": status or None,
            "milliseconds": round(1000 * seconds, 1),
            "client": scope["client"][0] if scope.get("client") else None,
        }
        level = logging.ERROR if failure else logging.INFO
        logger.log(level, "request" if status else "client left", exc_info=failure, extra={"fields": fields})


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
