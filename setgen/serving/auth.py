"""The optional API key: clients send it as X-API-Key, or as a bearer token."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from setgen.serving.problems import ProblemError

_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where the server asks for a key.")
_bearer = HTTPBearer(auto_error=False, description="The same key as a bearer token.")


async def check_key(
    request: Request,
    header: Annotated[str | None, Security(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Dependency: 401 unless the server asks for no key, or the client has sent it."""
    key = request.app.state.service.settings.api_key
    if key is None:
        return
    given = header if header is not None else bearer.credentials if bearer is not None else ""
    if not secrets.compare_digest(given.encode("utf-8", "replace"), key.encode()):
        raise ProblemError(
            401,
            "this server asks for an API key: send it in the header X-API-Key",
            headers={"WWW-Authenticate": 'Bearer realm="setgen"'},
        )
