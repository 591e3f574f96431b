"""Errors as problem details (RFC 9457): application/problem+json, with the fields that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from setgen.errors import InputError

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="The field, with dots and indices: `climbs.0.holds`.", examples=["angle"])
    detail: str = Field(examples=["angle 41° is not one of this board's: 20, 30, 40, 50, 60"])


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field(
        default="about:blank", description="`about:blank`: the status says what kind of problem it is."
    )
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["angle: angle 41° is not one of this board's: 20, 30, 40, 50, 60"])
    errors: list[FieldProblem] = Field(default_factory=list, description="The fields that are wrong, if any.")


class ProblemError(Exception):
    """Raised where a request cannot be answered; becomes a problem response."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: tuple[FieldProblem, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers


def problem_response(
    status: int,
    detail: str,
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors))
    return JSONResponse(body.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def busy(detail: str, retry_after: int) -> ProblemError:
    """503: the server has more to do than it takes on; come back in so many seconds."""
    return ProblemError(503, detail, headers={"Retry-After": str(retry_after)})


def too_many(detail: str, retry_after: int) -> ProblemError:
    """429: this client asks for more at once than it may; come back in so many seconds."""
    return ProblemError(429, detail, headers={"Retry-After": str(retry_after)})


@contextmanager
def about(field: str) -> Iterator[None]:
    """What a user can mend inside, an InputError, becomes a 422 that names `field`."""
    try:
        yield
    except InputError as error:
        raise ProblemError(
            422, f"{field}: {error}", (FieldProblem(field=field, detail=str(error)),)
        ) from None


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an operation may answer with, for the OpenAPI page."""
    common = (400, 401, 408, 413, 422, 429, 500, 503)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*common, *statuses})
    }


def install(app: FastAPI) -> None:
    """Make every error of the app a problem response."""

    @app.exception_handler(ProblemError)
    async def _ours(_: Request, error: ProblemError) -> JSONResponse:
        return problem_response(error.status, error.detail, error.errors, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _fields(_: Request, error: RequestValidationError) -> JSONResponse:
        found = tuple(
            FieldProblem(field=_name(each["loc"]), detail=_text(each["msg"])) for each in error.errors()
        )
        return problem_response(422, "; ".join(f"{e.field}: {e.detail}" for e in found[:4]), found)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return problem_response(error.status_code, _text(str(error.detail)), headers=error.headers)


def _name(location: tuple[int | str, ...]) -> str:
    """`climbs.0.holds` for ("body", "climbs", 0, "holds"); where JSON itself is wrong, `body`."""
    inside = [str(part) for part in location[1:]]
    return _text(".".join(inside)) if inside and not isinstance(location[1], int) else str(location[0])


def _text(text: str) -> str:
    """Without what no UTF-8 can carry (lone surrogates)."""
    return text.encode("utf-8", "replace").decode()
