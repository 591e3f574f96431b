"""Limits of one request: size and time of its body, time in all, and an end when its client leaves."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from setgen.serving.problems import problem_response
from setgen.serving.settings import Settings


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class _Left(Exception):
    """The client is gone."""


class Limits:
    """Middleware: reads the whole body first, then runs the app until it answers, is late, or nobody listens.

    A request that is late before its answer has begun gets a 503; later its connection is closed.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except _Left:
            return
        except _Refused as refused:
            headers = {"Connection": "close"}  # what is left of the body would be read as the next request
            await problem_response(refused.status, refused.detail, headers=headers)(scope, receive, send)
            return
        await self._answer(scope, body, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        most = self.settings.body_bytes
        too_large = _Refused(413, f"the body is too large: this server takes {most:,} bytes")
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Left
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(408, "the body did not arrive in time") from None

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        started = False
        unread = True
        never = asyncio.Event()

        async def replay() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": body, "more_body": False}
            await never.wait()  # a client that leaves ends the app's task instead
            raise AssertionError

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        work = asyncio.ensure_future(self.app(scope, replay, noted))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait(
                (work, gone), timeout=self.settings.request_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if work.done():
                work.result()
            elif not gone.done() and not started:
                detail = f"the answer took longer than {self.settings.request_seconds:g} seconds"
                await _end(work)
                await problem_response(503, detail, headers={"Retry-After": "5"})(scope, receive, send)
            elif not gone.done():
                raise TimeoutError("the client reads too slowly")  # uvicorn closes the connection
        finally:
            await _end(work)
            await _end(gone)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
