"""`setgen serve`: a trained model behind HTTP, with a page to design climbs on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Precision(StrEnum):
    FLOAT64 = "float64"
    FLOAT32 = "float32"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(serve)


def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            help="Folder of a trained model; left out: the built-in one. Given again, the page offers each.",
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Dataset folder of a model's board: climbs are graded and checked against it. May be given again."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="SETGEN_API_KEY", help="Clients must send it as X-API-Key. Better set in the environment."
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(help="Origin whose pages may call, such as https://example.org; may be given again."),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Path below which a proxy shows the server and which it takes off: /climbs.")
    ] = "",
    waiting: Annotated[
        int, typer.Option(min=1, help="Climbs that may wait; beyond that requests are turned away.")
    ] = 1024,
    waiting_each: Annotated[
        int | None,
        typer.Option(min=1, help="Of them those of one client (an address); left out: half of --waiting."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Climbs of one network call at most.")] = 256,
    precision: Annotated[
        Precision,
        typer.Option(help="float32 is quicker under load, but rarely a climb then depends on who else asks."),
    ] = Precision.FLOAT64,
) -> None:
    """Serve models over HTTP, until Ctrl-C: the page at /, the API at /v1, its description at /docs.

    Example: setgen serve --model runs/mine --data data/board --port 8080
    """
    from setgen.serving.memory import one_heap

    one_heap()  # before torch is there, which starts threads
    from setgen.serving.server import listen, run

    listening = listen(host, port)
    from setgen.cli.progress import grader_training
    from setgen.serving.app import several
    from setgen.serving.model import load_models
    from setgen.serving.settings import Settings

    settings = Settings(
        api_key=api_key or None,
        cors=tuple(cors or ()),
        waiting_rows=waiting,
        client_rows=max(1, waiting // 2) if waiting_each is None else waiting_each,
        batch_rows=batch,
        root_path=root_path,
    )
    with grader_training() as progress:
        served = load_models(model or [], data or [], precision.value, progress)
    shown = f"[{host}]" if ":" in host else host
    paths, app = several(served, settings)
    for one, path in zip(served, paths, strict=True):
        address = f"http://{shown}:{listening.getsockname()[1]}/{path}"
        print(f"{one.generator.name} of {one.board.name}: {address}", flush=True)
    run(app, settings, listening)
