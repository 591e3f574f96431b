"""The optional API key: clients send it as X-API-Key, or as a bearer token."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from setgen.serving.problems import ProblemError

_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)
_BEARER = HTTPBearer(auto_error=False, description="The same key as a bearer token.")


def require_key(key: str) -> Callable[..., Awaitable[None]]:
    """A dependency of endpoints: 401 unless the client has sent `key`."""

    async def check(
        header: str | None = Security(_HEADER),
        bearer: HTTPAuthorizationCredentials | None = Security(_BEARER),
    ) -> None:
        given = header if header is not None else bearer.credentials if bearer is not None else ""
        if not secrets.compare_digest(given.encode("utf-8", "replace"), key.encode()):
            raise ProblemError(
                401,
                "this server asks for an API key: send it in the header X-API-Key",
                headers={"WWW-Authenticate": 'Bearer realm="setgen"'},
            )

    return check
