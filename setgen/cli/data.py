"""`setgen data …`: import, make, fetch and show datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.dataset.dataset import Dataset

app = typer.Typer(help="Import, make, fetch and show datasets.", no_args_is_help=True)


class Roles(StrEnum):
    AUTO = "auto"
    IGNORE = "ignore"


_LARGEST_SEED = 2**32 - 1

Out = Annotated[Path, typer.Option("--out", help="Folder to write the dataset to.")]


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="Aurora database, boardsesh snapshot, MoonBoard JSON, or climbs.csv; packed too."
        ),
    ],
    out: Out,
    layout: Annotated[
        str | None,
        typer.Option(help="Layout (of a MoonBoard, hold setup) by number or name; default: the largest."),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Size id, or `all` for the whole layout.")] = None,
    min_ascents: Annotated[int, typer.Option(min=0, help="Fewest ascents a row must have.")] = 0,
    min_quality: Annotated[float, typer.Option(min=0, help="Fewest stars, in the source's own.")] = 0.0,
    angles: Annotated[str, typer.Option(help="Only these angles, such as 40,45.")] = "",
    angle: Annotated[
        int | None, typer.Option(min=-90, max=90, help="Angle of climbs that state none.")
    ] = None,
    routes: Annotated[bool, typer.Option("--routes", help="Keep climbs of several frames.")] = False,
    ungraded: Annotated[bool, typer.Option("--ungraded", help="Keep rows without a grade.")] = False,
    drafts: Annotated[bool, typer.Option("--drafts", help="Keep drafts.")] = False,
    unlisted: Annotated[bool, typer.Option("--unlisted", help="Keep unlisted climbs.")] = False,
    roles: Annotated[Roles, typer.Option(help="`ignore`: make every hold a middle one.")] = Roles.AUTO,
    board: Annotated[
        Path | None,
        typer.Option(
            help="For climbs.csv or a snapshot: an Aurora database, hardware file or dataset folder."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=_LARGEST_SEED, help="Seed of the split by hold set.")] = 1,
) -> None:
    """Make a dataset folder from the app's own file, recognised by its content."""
    from setgen.dataset.build import import_dataset
    from setgen.dataset.dataset import check_target
    from setgen.sources.readout import Options

    check_target(out)
    options = Options(
        layout=_layout(layout),
        size=_size(size),
        min_ascents=min_ascents,
        min_quality=min_quality,
        angles=_angles(angles),
        angle=angle,
        routes=routes,
        ungraded=ungraded,
        drafts=drafts,
        unlisted=unlisted,
        roles=roles.value,
        board=board,
    )
    _save(import_dataset(source, options, seed), out)


@app.command()
def synth(
    out: Out,
    climbs: Annotated[int, typer.Option(help="How many climbs.")] = 10_000,
    seed: Annotated[
        int, typer.Option(min=0, max=_LARGEST_SEED, help="Seed of the climbs and of the split.")
    ] = 1,
) -> None:
    """Make a dataset of the built-in synthetic board: no real climbs, but a known truth."""
    from setgen.dataset.build import synthetic_dataset
    from setgen.dataset.dataset import check_target

    check_target(out)
    _save(synthetic_dataset(climbs, seed), out)


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A dataset folder.")],
    png: Annotated[Path | None, typer.Option(help="Also write the drawing to this PNG file.")] = None,
) -> None:
    """Print the card and draw hold usage, sizes and grades."""
    from setgen.cli.data_view import print_dataset, write_figure
    from setgen.dataset.dataset import Dataset

    dataset = Dataset.load(folder)
    print_dataset(dataset)
    if png is not None:
        write_figure(dataset, png)


@app.command()
def fetch(
    url: Annotated[
        str,
        typer.Argument(
            help="Address (http, https, file) or path of a database or a package of one; or "
            "boardsesh:BOARD/LAYOUT, of which boardsesh: alone lists what there is."
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="File to write.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Checksum that the download must have.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="For boardsesh: do not use today's earlier download.")
    ] = False,
    root: Annotated[
        str | None,
        typer.Option(
            "--snapshots",
            envvar="SETGEN_SNAPSHOTS",
            help="For boardsesh: another address of the folder with v1-gzip and v1-catalog.",
        ),
    ] = None,
) -> None:
    """Download a board's database, taken out of whatever it is packed in.

    Examples: setgen data fetch app.apk --out board.sqlite3; setgen data fetch boardsesh:kilter/1 --out
    kilter.sqlite3
    """
    from setgen.sources import boardsesh
    from setgen.sources import fetch as fetching

    if not url.startswith(boardsesh.SCHEME):
        if out is None:
            raise InputError("say which file to write: --out board.sqlite3")
        with _progress() as follow:
            fetching.fetch(url, out, sha256=sha256, force=force, progress=follow("fetching"))
        print(f"{out}: {out.stat().st_size:,} bytes, {_holds(out)}")
        return
    if sha256 is not None:
        raise InputError("--sha256 is of a file at an address: leave it out for boardsesh")
    address = root or boardsesh.ROOT
    board, layout = boardsesh.read_name(url)
    if out is None and (not board or layout is None):
        for entry in boardsesh.snapshots(address, fresh=fresh):
            if board in ("", entry.board):
                climbs = entry.rows.get("board_climbs")
                count = "" if climbs is None else f"{climbs:,} climbs, "
                print(f"boardsesh:{entry.name}  {count}{entry.bytes:,} bytes, built {entry.built or '?'}")
        return
    if out is None:
        raise InputError("say which file to write: --out board.sqlite3")
    with _progress() as follow:
        entry = boardsesh.fetch_snapshot(url, out, root=address, fresh=fresh, force=force, follow=follow)
    print(f"{out}: {out.stat().st_size:,} bytes, {_holds(out)}, built {entry.built or '?'}")


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[int, int | None], None]]]:
    """A bar on standard error for each thing that is downloaded."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def follow(what: str) -> Callable[[int, int | None], None]:
            task = bar.add_task(what, total=None)
            return lambda had, total: bar.update(task, completed=had, total=total)

        yield follow


def _holds(path: Path) -> str:
    """What a database that was fetched has in it."""
    from setgen.sources.sqlite_file import SqliteFile

    with SqliteFile(path) as db:
        for table in ("climbs", "board_climbs"):
            if db.has(table):
                return f"a database of {db.rows(f'SELECT count(*) FROM {table}')[0][0]:,} climbs"
    return "a database without a table of climbs"


def _save(dataset: Dataset, out: Path) -> None:
    from setgen.cli.data_view import print_summary

    dataset.save(out)
    print_summary(dataset, out)


def _layout(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.strip().isdecimal() else text


def _size(text: str | None) -> int | Literal["all"] | None:
    if text is None:
        return None
    if text.strip().lower() == "all":
        return "all"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--size {text!r} is no size: give a size id, or `all`") from None


def _angles(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word.rstrip("°")) for word in text.replace(",", " ").split())
    except ValueError:
        raise InputError(f"--angles {text!r} are no angles: write degrees such as 40,45") from None
