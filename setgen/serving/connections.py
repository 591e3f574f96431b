"""Connections: those that say nothing are closed, those that read nothing are cut, and those that ask get
their answer without delay."""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(head_seconds: float, reading_seconds: float) -> type[H11Protocol]:
    """uvicorn's HTTP protocol, which waits `head_seconds` at most for a request's head, the first of its
    connection or a later one, and `reading_seconds` for its client to read what was written. uvicorn itself
    only bounds the silence between requests."""

    class Impatient(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio does this only where the listening socket names its protocol, which those of
            # `socket.create_server` do not: head and body are two writes, and the second would wait 40 ms
            # for the client to acknowledge the first.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # So that writing pauses whenever something waits in this process, and resumes when nothing does.
            transport.set_write_buffer_limits(high=0)
            self._deadline = self.loop.call_later(head_seconds, self._give_up)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            busy = self.cycle is not None and not self.cycle.response_complete
            if busy:
                self._forget()
            elif self._deadline is None and self.timeout_keep_alive_task is None:
                self._deadline = self.loop.call_later(head_seconds, self._give_up)

        def pause_writing(self) -> None:
            super().pause_writing()
            # Not `close`, which would wait for the client too.
            self._unread = self.loop.call_later(reading_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._read()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            self._read()
            super().connection_lost(exc)

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _read(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def _give_up(self) -> None:
            self._deadline = None
            self.transport.close()

    return Impatient
