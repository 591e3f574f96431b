"""The `setgen` command: a Typer app put together from one module per group of commands.

Commands import what is heavy (torch, matplotlib) inside their functions, so that `--help` stays quick.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Sequence

import click
import typer

from setgen import ending
from setgen.cli import (
    convert,
    data,
    draw,
    edit,
    evaluate,
    export,
    generate,
    grade,
    metrics,
    runs,
    serve,
    similar,
)
from setgen.errors import InputError, one_line
from setgen.files import of_a_disk

app = typer.Typer(
    name="setgen",
    help="Generate sets: climbs for LED training boards.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text, which 80 columns are enough for
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
for _group in (generate, edit, draw, similar, convert, evaluate, metrics, grade, export, serve):
    _group.register(app)

# Typer raises its own copies of click's exceptions in newer versions, click's in older ones.
_USAGE_ERRORS: tuple[type[Exception], ...] = (click.ClickException, typer.BadParameter.__mro__[2])
_ABORTS = (click.exceptions.Abort, typer.Abort, KeyboardInterrupt)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 with one line on standard error.

    arguments: what follows `setgen`; sys.argv by default.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = typer.main.get_command(app)(args=list(arguments), prog_name="setgen", standalone_mode=False)
        if sys.stdout is not None:  # closed from the start: `setgen … >&-`
            sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # typer turns a broken pipe into exit code 1
            return _reader_left()
        raise
    except (click.exceptions.Exit, typer.Exit) as stop:
        return stop.exit_code
    except InputError as error:
        return _refuse(str(error), _go_on(arguments) if of_a_disk(error) else "")
    except _USAGE_ERRORS as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its "message" is the whole help page, if not shown
            if str(error):
                print(error, file=sys.stderr)
            return 2
        return _refuse(error.format_message())  # type: ignore[attr-defined]
    except OSError as error:
        # What a command did not foresee of the user's files and disks: a name too long, no permission.
        name = f"{error.filename}: " if error.filename else ""
        said = f"{name}{error.strerror or error}"
        return _refuse(f"cannot write {said}", _go_on(arguments)) if of_a_disk(error) else _refuse(said)
    except MemoryError:
        return _refuse("this takes more memory than there is: ask for less at once")
    except _ABORTS:
        return _stopped(arguments)
    if code == 130:  # what newer versions of typer make of Ctrl-C
        return _stopped(arguments)
    return code if isinstance(code, int) else 0


def _stopped(arguments: Sequence[str]) -> int:
    if sys.stderr is not None:
        print(f"stopped{_go_on(arguments)}", file=sys.stderr)
    return ending.exit_code()


def _go_on(arguments: Sequence[str]) -> str:
    """What was not finished is not there; of climbs in shards, those that are finished are kept. A server leaves
    nothing to go on with, and its key is for no log."""
    return "" if "serve" in arguments else f"; go on with: {shlex.join(['setgen', *arguments])}"


def _reader_left() -> int:
    """The reader went away (`setgen … | head`): keep Python's own last flush from complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _refuse(message: str, go_on: str = "") -> int:
    if sys.stderr is not None:
        print(f"error: {one_line(message)}{go_on}", file=sys.stderr)
    return 2


def main() -> None:
    """Entry point of the `setgen` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° or █ shows ? instead
    with ending.heeded():
        code = run()
    sys.exit(code)


if __name__ == "__main__":
    main()
