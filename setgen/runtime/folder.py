"""The exported folder: networks, the space, settings, and a card with checksums."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setgen.errors import InputError
from setgen.files import checksum, checksums, is_name, parse_json
from setgen.sets.space import Space, load_space, space_file

FORMAT = 2
CARD, SETTINGS, WEIGHTS = "export.json", "settings.json", "weights.bin"


@dataclass(frozen=True, eq=False)
class ExportedFolder:
    """A folder that was read and found whole. settings: what `settings.json` holds. networks: name → file."""

    path: Path
    space: Space
    settings: dict[str, Any]
    card: dict[str, Any]

    @property
    def networks(self) -> dict[str, Path]:
        return {name: self.path / file for name, file in self.card["networks"].items()}


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write export.json: `card` and the checksum of every other file in the folder. Raises OSError."""
    files = checksums(folder, sorted(path.name for path in folder.iterdir() if path.name != CARD))
    (folder / CARD).write_text(json.dumps({"format": FORMAT, **card, "sha256": files}, indent=2))


def refuse_exported(folder: Path | str) -> None:
    """Raises InputError for a folder that `setgen export` wrote, where a trained model is wanted."""
    if (Path(folder) / CARD).is_file():
        raise InputError(f"{folder} is an exported model: add --runtime onnx")


def read_folder(folder: Path | str) -> ExportedFolder:
    """Raises InputError when the folder is none of ours, of another format, or not the one that was written."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one that `setgen export` wrote")
    if not (folder / CARD).is_file():
        raise InputError(
            f"{folder} holds no exported model ({CARD} is missing): make one with `setgen export`"
        )
    again = "export the model again, or copy the folder again as a whole"
    try:
        card = parse_json((folder / CARD).read_text(encoding="utf-8"))
        version, sums = int(card["format"]), dict(card["sha256"])
        if version == FORMAT:
            assert all(map(is_name, (*sums, *card["networks"].values())))
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        raise InputError(f"{folder} is damaged: {CARD} is not one that setgen wrote; {again}") from None
    if version != FORMAT:
        age = "newer" if version > FORMAT else "older"
        what = "upgrade setgen" if version > FORMAT else "export the model again"
        raise InputError(f"{folder} has export format {version}, {age} than this setgen reads: {what}")
    for name in (*sums, *card["networks"].values(), space_file(folder) or "the space", SETTINGS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is damaged: {name} is missing; {again}")
        if checksum(folder / name) != sums.get(name):
            raise InputError(f"{folder} is damaged: {name} is not the file that was exported; {again}")
    try:
        settings = dict(parse_json((folder / SETTINGS).read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise InputError(f"{folder} is damaged: {SETTINGS} is not one that setgen wrote; {again}") from None
    return ExportedFolder(folder, load_space(folder), settings, card)
