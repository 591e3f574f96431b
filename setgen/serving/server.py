"""The server: a socket, a log of JSON lines, and uvicorn around the app."""

from __future__ import annotations

import logging
import re
import socket

import uvicorn
from starlette.applications import Starlette

from setgen.errors import InputError
from setgen.serving.connections import impatient
from setgen.serving.request_log import JsonLines
from setgen.serving.settings import Settings

_BACKLOG = 512
_SECONDS_TO_FINISH = 5  # for requests under way when the server is told to stop


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError when the address or port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = re.sub(r"\[Errno -?\d+\] | \(while .*", "", str(error))
        raise InputError(f"cannot listen on {host}, port {port}: {reason}; choose another --port") from None


def run(app: Starlette, settings: Settings, listening: socket.socket) -> None:
    """Serve until the process is told to stop, with a log of JSON lines on standard error."""
    _log_json_lines()
    server_of(app, settings).run(sockets=[listening])


def server_of(app: Starlette, settings: Settings) -> uvicorn.Server:
    """uvicorn, set up by `settings`."""
    config = uvicorn.Config(
        app,
        http=impatient(settings.header_seconds, settings.request_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.connections,
        root_path=settings.root_path,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    return uvicorn.Server(config)


def _log_json_lines() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in ("setgen.serving", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
