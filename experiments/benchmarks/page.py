"""How quick a page without a server is: python -m experiments.benchmarks.page PAGE --repeats 10

PAGE is a folder that `setgen export --format web` wrote. It is sent from this machine to Chromium, which knows
nothing of it each time; times are medians, of eight proposals that are the best of eight draws each.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PROPOSED = (
    "!document.querySelector('#alert').hidden || document.querySelectorAll('#proposals button').length"
)
_MEASURED = (
    "opening the page to the board",
    "opening the page to the first proposals",
    "a click to the next proposals",
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def chromium() -> str | None:
    """Where Chromium, or Chrome, is on this machine."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--design", default="#a=40&g=6c", help="What the address says after the page's.")
    args = parser.parse_args()
    browser = chromium()
    if not (args.page / "data.json").is_file():
        parser.error(f"{args.page} is no page that `setgen export --format web` wrote")
    if browser is None:
        parser.error("there is no Chromium on this machine")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(args.page)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    times = [
        measure(browser, f"http://127.0.0.1:{server.server_port}/{args.design}") for _ in range(args.repeats)
    ]
    size = sum(path.stat().st_size for part in ("model", "grader") for path in (args.page / part).glob("*"))
    print(f"model and grader: {size / 1e6:.2f} MB")
    print("| from | seconds, median | slowest |")
    print("| --- | --: | --: |")
    for i, name in enumerate(_MEASURED):
        column = [row[i] for row in times]
        print(f"| {name} | {statistics.median(column):.2f} | {max(column):.2f} |")


def measure(chromium_path: str, address: str) -> tuple[float, float, float]:
    """Seconds from opening the page to the board, to proposals asked for at once, and from a click to other ones."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        page.goto(address)
        page.wait_for_selector(".hold")
        board = time.perf_counter() - began
        page.click("#complete")
        page.wait_for_function(_PROPOSED)
        first = time.perf_counter() - began
        page.evaluate("document.querySelector('#proposals').replaceChildren()")
        began = time.perf_counter()
        page.click("#complete")
        page.wait_for_function(_PROPOSED)
        again = time.perf_counter() - began
        browser.close()
    return board, first, again


if __name__ == "__main__":
    main()
