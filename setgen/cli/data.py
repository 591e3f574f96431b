"""`setgen data …`: import, make, fetch and show datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from setgen.errors import InputError
from setgen.files import owned

if TYPE_CHECKING:
    from setgen.sets.dataset import SetDataset

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
            help="Aurora database, boardsesh snapshot, MoonBoard JSON, climbs.csv; packed too. Of other sets: "
            "baskets, one set a line, or a table with the columns set and item."
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
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="`baskets` or `table`, where the content should not decide."),
    ] = None,
    items: Annotated[
        Path | None, typer.Option("--items", help="For baskets and tables: a file item,x,y,group.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="by-set: equal sets fall on one side; random: each row by itself.")
    ] = "by-set",
    shares: Annotated[
        str, typer.Option("--shares", help="For baskets and tables: of train, valid, test; 85,5,10.")
    ] = "",
    without: Annotated[
        str, typer.Option("--without", help="For tables: columns to leave out, separated by commas.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, max=_LARGEST_SEED, help="Seed of the split.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a dataset from another file that is in the folder.")
    ] = False,
) -> None:
    """Make a dataset folder from a file, recognised by its content."""
    from setgen.climbing.build import import_dataset
    from setgen.climbing.sources.readout import Options

    if kind not in (None, "baskets", "table"):
        raise InputError(f"--kind {kind!r} is unknown: use baskets or table, or leave it out")
    if split not in ("by-set", "random"):
        raise InputError(f"--split {split!r} is unknown: use by-set or random")
    of_sets = {"--items": items, "--shares": shares, "--without": without, "--kind": kind}
    of_climbs = (layout, size, board, angle, angles or None, min_ascents or None, min_quality or None)
    with _alone_in(out):
        other = None
        if kind is not None or of_climbs == (None,) * len(of_climbs):
            other = _other_sets(source, kind, items, split == "by-set", shares, without, seed)
        if other is not None:
            _save(other, out, force)
            return
        given = [option for option, value in of_sets.items() if value] + ["--split random"] * (
            split == "random"
        )
        if given:
            raise InputError(f"{given[0]} is of baskets and tables, and {source} holds climbs: leave it out")
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
        _save(import_dataset(source, options, seed), out, force)


@app.command()
def synth(
    out: Out,
    climbs: Annotated[int, typer.Option(help="How many climbs.")] = 10_000,
    seed: Annotated[
        int, typer.Option(min=0, max=_LARGEST_SEED, help="Seed of the climbs and of the split.")
    ] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an imported dataset in the folder.")
    ] = False,
) -> None:
    """Make a dataset of the built-in synthetic board: no real climbs, but a known truth."""
    from setgen.climbing.build import synthetic_dataset

    with _alone_in(out):
        _save(synthetic_dataset(climbs, seed), out, force)


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A dataset folder.")],
    png: Annotated[Path | None, typer.Option(help="Also write the drawing to this PNG file.")] = None,
) -> None:
    """Print the card and draw hold usage, sizes and grades."""
    from setgen.cli.data_view import print_dataset, print_sets, write_figure
    from setgen.climbing.dataset import Dataset
    from setgen.sets.dataset import load_dataset

    dataset = load_dataset(folder)
    if not isinstance(dataset, Dataset):
        if png is not None:
            raise InputError("--png draws climbs on their wall: leave it out for other sets")
        print_sets(dataset)
        return
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
    from setgen.climbing.sources import boardsesh
    from setgen.climbing.sources import fetch as fetching

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
    from setgen.climbing.sources.sqlite_file import SqliteFile

    with SqliteFile(path) as db:
        for table in ("climbs", "board_climbs"):
            if db.has(table):
                return f"a database of {db.rows(f'SELECT count(*) FROM {table}')[0][0]:,} climbs"
    return "a database without a table of climbs"


def _other_sets(
    source: Path,
    kind: str | None,
    items: Path | None,
    by_set: bool,
    shares: str,
    without: str,
    seed: int,
) -> SetDataset | None:
    """The dataset of a text of baskets or of a table; None where the file is of another kind."""
    import hashlib

    from setgen.cli.other_sets import import_sets
    from setgen.climbing.sources.opening import opened
    from setgen.climbing.sources.recognise import climbs_without_header, is_climbs

    def text_of(path: Path) -> str | None:
        with opened(path) as file:
            return None if file.database is not None else file.text or ""

    text = text_of(source)
    if text is None or (kind is None and is_climbs(text)):
        return None
    if kind is None and (form := climbs_without_header(text)):
        raise InputError(
            f"{source} holds {form}, which are climbs without angle and grade: give a CSV with a column frames, or "
            "read them with `setgen convert`; --kind baskets takes them for baskets all the same"
        )
    places = None if items is None else text_of(items)
    if items is not None and places is None:
        raise InputError(f"{items} is a database: --items takes a text such as item,x,y,group")
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return import_sets(
        text,
        source.name.partition(".")[0] or source.name,
        {"file": source.name, "sha256": digest},
        kind=kind,
        items=places,
        by_set=by_set,
        shares=shares,
        without=without,
        seed=seed,
    )


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """In here no other process writes a dataset there. Raises InputError where one does, or where none can be."""
    from setgen.sets.dataset import check_target

    check_target(out)
    with owned(out):
        yield


def _save(dataset: SetDataset, out: Path, force: bool) -> None:
    from setgen.cli.data_view import print_summary
    from setgen.sets.dataset import check_replaced

    if not force:
        check_replaced(out, dataset.card)
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
