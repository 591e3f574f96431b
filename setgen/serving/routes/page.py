"""The page at `/` and the files it is made of. They ask for no key: what the page calls does."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from setgen.serving.problems import ProblemError

_FOLDER = Path(__file__).resolve().parent.parent / "page"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    return await part("index.html")


@router.get("/page/{name}")
async def part(name: str) -> FileResponse:
    """One file of the page, by its name; there are no folders in it."""
    files = {path.name: path for path in _FOLDER.iterdir() if path.suffix in _TYPES}
    if name not in files:
        raise ProblemError(404, "the page has no such file")
    return FileResponse(files[name], media_type=_TYPES[files[name].suffix], headers=_HEADERS)
