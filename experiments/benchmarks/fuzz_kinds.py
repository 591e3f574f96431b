"""What `experiments.benchmarks.fuzz` damages: of each kind good examples, the reader, and what must hold then.

A reader raises InputError for what it refuses. Any other error is a fault, and so is a result that is not sound: the
AssertionErrors here are of damage that was taken in silently.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import re
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import hydra
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from experiments.benchmarks.fuzz_built import (
    Choices,
    odd_csv,
    odd_database,
    odd_folder,
    odd_json,
    odd_package,
    odd_parquet,
    zipped,
)
from experiments.hydra_main import line_of
from experiments.model_config import load_model
from experiments.option_values import check_values
from experiments.training import untrained
from setgen.climbing.board import Board
from setgen.climbing.build import import_dataset, synthetic_dataset
from setgen.climbing.climb_files import climbs_in_text
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import parse_frames, write_frames
from setgen.climbing.grading.grader import Grader, GraderConfig, load_grader
from setgen.climbing.holds import parse_holds
from setgen.climbing.rules import broken_rules
from setgen.climbing.sources.fetch import fetch
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import load_generator
from setgen.generators.sweep_set import SweepSet
from setgen.sets.dataset import SetDataset, load_dataset
from setgen.sets.reading import build, is_table, read_baskets, read_table, rows_of
from setgen.sets.splits import SPLITS

BOARD = synthetic_board()
TWO = synthetic_climbs(2, 0)
FRAMES = write_frames(BOARD, synthetic_climbs(8, 0))
MOST_BYTES = 1 << 14  # of one case, but for what is larger from the start


NO_CASE = "no case"


class Kind(NamedTuple):
    """examples: good ones. read: raises InputError for what it refuses, and gives NO_CASE where the bytes are too few
    to draw a case from. packed: (unpack, pack) where damage may be
    done inside too, behind what checksums would find."""

    examples: list[bytes]
    read: Callable[[bytes], Any]
    packed: tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]] | None = None


# --- what must hold -----------------------------------------------------------------------------------------------


def sound(dataset: SetDataset) -> SetDataset:
    """The dataset itself. Raises AssertionError where it holds what its space does not allow."""
    space, sets = dataset.space, dataset.sets
    n = len(sets)
    assert sets.offsets[0] == 0
    assert sets.offsets[-1] == len(sets.item) == len(sets.label)
    assert (np.diff(sets.offsets) >= 0).all()
    assert len(dataset.split) == len(dataset.ids) == n
    assert ((dataset.split >= 0) & (dataset.split < len(SPLITS))).all()
    assert ((sets.item >= 0) & (sets.item < len(space))).all()
    assert ((sets.label >= 0) & (sets.label < space.n_labels)).all()
    assert space.label_occurs[sets.label].all()
    assert len(np.unique(sets.owner * len(space) + sets.item)) == len(sets.item), "an item twice in one set"
    for name, known in space.conditions.items():
        assert np.isin(sets.conditions[name], [-1, *known]).all(), name
    assert all(isinstance(name, str) for name in dataset.ids)
    assert all(len(values) == n for values in dataset.columns.values())
    if isinstance(space, Board):
        assert len({len(x) for x in (space.ids, space.xy, space.hold_set, space.hole_names)}) == 1
        assert np.isfinite(space.xy).all()
        assert (np.diff(space.ids) > 0).all()
    return dataset


def imported(dataset: SetDataset) -> SetDataset:
    """The same of what was just imported: every row is accounted for, and what is kept is legal."""
    rows = dataset.card["rows"]
    assert rows["kept"] == len(dataset.sets)
    assert rows["dropped"] == sum(rows["reasons"].values())
    if isinstance(dataset, Dataset):
        assert rows["read"] == rows["kept"] + rows["dropped"]
        assert not np.any(list(broken_rules(dataset.board, dataset.climbs).values()))
    return sound(dataset)


def usable(generator: Generator, draws: bool) -> Generator:
    """The generator itself. Raises AssertionError where its weights are no numbers, or what it draws is none of its
    space."""
    for name, weight in generator.state_dict().items():
        assert not weight.is_floating_point() or bool(weight.isfinite().all()), name
    if draws:
        space = generator.space
        nothing = {name: np.full(1, -1) for name in space.conditions}
        prompt = TWO.from_arrays(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(2, np.int64), nothing)
        sets = generator.sample(prompt)
        assert ((sets.item >= 0) & (sets.item < len(space))).all()
        assert space.label_occurs[sets.label].all()
    return generator


def kept(dataset: SetDataset, folder: Path) -> SetDataset:
    """The dataset itself, which is the same one when it was saved and read again."""
    dataset.save(folder)
    again = type(dataset).load(folder)
    assert again.ids.tolist() == dataset.ids.tolist()
    assert again.space.to_json() == dataset.space.to_json()
    for name in ("item", "label", "offsets"):
        assert np.array_equal(getattr(again.sets, name), getattr(dataset.sets, name)), name
    return dataset


_FRAME = re.compile(r"(?:p[0-9]{1,8}r[0-9]{1,8}|x[0-9]{1,8})*")


def plain_frames(board: Board, text: str) -> dict[int, int] | None:
    """Placement id → role number of a frames string, by the grammar in `setgen.climbing.frames`, one letter after the
    other; None where it is wrong."""
    roles, ids = set(board.role_ids.values()), set(board.ids.tolist())
    union: dict[int, int] = {}
    lit: set[int] = set()
    for i, frame in enumerate(text.split(",")):
        delta = frame.startswith('"')
        body = frame[1:] if delta else frame
        if (
            not _FRAME.fullmatch(body)
            or (not delta and ("x" in body or (not body and i)))
            or (delta and not i)
        ):
            return None
        if not delta:
            lit = set()
        here: set[int] = set()
        for placement, role, off in re.findall(r"p(\d+)r(\d+)|x(\d+)", body):
            hold = int(placement or off)
            if (
                hold not in ids
                or hold in here
                or (off and hold not in lit)
                or (role and int(role) not in roles)
            ):
                return None
            here.add(hold)
            if off:
                lit.discard(hold)
            else:
                lit.add(hold)
                union.setdefault(hold, int(role))
    return union or None


def same_frames(text: str) -> None:
    """Raise InputError where a frames string is wrong. The two readers must agree, and what is read be written."""
    parsed, expected = parse_frames(BOARD, [text]), plain_frames(BOARD, text)
    assert (parsed.problem[0] == 0) == (expected is not None), (text, parsed.problem[0], expected)
    if expected is None:
        raise InputError("wrong")
    number = {int(role): n for role, n in BOARD.role_ids.items()}
    found = {int(BOARD.ids[p]): number[r] for p, r in parsed.climbs.climb(0).holds}
    assert found == expected, (text, found, expected)
    written = write_frames(BOARD, parsed.climbs)
    assert write_frames(BOARD, parse_frames(BOARD, written).climbs) == written


# --- the kinds ----------------------------------------------------------------------------------------------------


def _frames(work: Path) -> Kind:
    routes = [FRAMES[0] + ',"' + FRAMES[1], "p5r1p7r2,p7r3", 'p5r1p7r2,"x5,"p9r3', ',"p5r1']
    return Kind([one.encode() for one in (*FRAMES, *routes)], lambda data: same_frames(data.decode("latin1")))


def _text(work: Path) -> Kind:
    link = f"https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames={FRAMES[0]}&forkName=x"

    def read(data: bytes) -> Any:
        return climbs_in_text(data.decode(errors="replace"), BOARD, "case", False)

    return Kind([one.encode() for one in (_csv(), _lines(), "\n".join(FRAMES), link)], read)


def _holds(work: Path) -> Kind:
    examples = (FRAMES[0], "G5:start, G16 G104:finish", "p5r?p16r2")

    def read(data: bytes) -> Any:
        return parse_holds(BOARD, data.decode(errors="replace"), open_roles=True)

    return Kind([one.encode() for one in examples], read)


def _sets(work: Path) -> Kind:
    """Baskets and long tables, as `setgen data import` reads them."""
    table = "set,item,label,season\n" + "".join(
        f"{i // 3},{'abc'[i % 3]},l{i % 2},s{i // 6}\n" for i in range(18)
    )

    def read(data: bytes) -> Any:
        rows = rows_of(data.decode(errors="replace"))
        return imported(build(read_table(rows) if is_table(rows) else read_baskets(rows), "case", {}))

    return Kind([table.encode(), b"a,b\nb,c\na;d\n1,2,3\n"], read)


def _moonboard_json(work: Path) -> Kind:
    return Kind([json.dumps(document).encode() for document in _moonboard()], _importer(work, Options()))


def _csv_file(work: Path) -> Kind:
    examples = [_csv().encode(), _csv().replace(",", ";").encode("utf-16"), _lines().encode()]
    return Kind(examples, _importer(work, Options(board=_home(work))))


def _sqlite(work: Path) -> Kind:
    return Kind([_aurora(work / "aurora.sqlite3")], _importer(work, Options()))


def _gzip(work: Path) -> Kind:
    document = json.dumps(_moonboard()[0]).encode()
    return Kind(
        [gzip.compress(document), gzip.compress(_aurora(work / "aurora.sqlite3"))],
        _importer(work, Options()),
        (gzip.decompress, gzip.compress),
    )


def _zip(work: Path) -> Kind:
    document, database = json.dumps(_moonboard()[0]).encode(), _aurora(work / "aurora.sqlite3")
    inner = zipped({"assets/db.sqlite3": database})
    nested = zipped({"base.apk": inner, "split.apk": zipped({"res/x": b"drawable"})})
    examples = [
        zipped({"problems.json": document}),
        inner,
        nested,
        zipped({"x.gz": gzip.compress(document)}),
    ]
    return Kind(examples, _importer(work, Options()), (_first_member, lambda data: zipped({"db": data})))


def _dataset_file(name: str) -> Callable[[Path], Kind]:
    """One file of a dataset folder, which has no checksums here: damage must be seen without."""

    def kind(work: Path) -> Kind:
        folder = work / "data"
        synthetic_dataset(60, 0).save(folder)
        _without_sums(folder / "card.json")
        return _file_of(folder / name, lambda: sound(Dataset.load(folder)))

    return kind


def _model_file(name: str) -> Callable[[Path], Kind]:
    """One file of a model folder, whose checksums are those of the damaged file."""

    def kind(work: Path) -> Kind:
        folder = work / "model"
        _tiny_model(0).save(folder)
        head = (folder / "model.json").read_text()

        def read(data: bytes) -> Any:
            (folder / name).write_bytes(data)
            if name != "model.json":
                noted = json.loads(head)["sha256"][name]
                (folder / "model.json").write_text(head.replace(noted, hashlib.sha256(data).hexdigest()))
            return usable(load_generator(folder), not zlib.crc32(data) % 32)

        return Kind([(folder / name).read_bytes()], read)

    return kind


def _yaml(work: Path) -> Kind:
    """Model configs, up to the model that they describe."""
    home = Path(__file__).parents[1] / "conf" / "model"
    at = work / "model.yaml"

    def read(data: bytes) -> Any:
        at.write_bytes(data)
        model = load_model(str(at))
        if ":" in str(model.generator):  # code of the user's own, which is imported by design
            raise InputError("foreign")
        try:
            return untrained(model, BOARD)
        except OmegaConfBaseException as error:  # as `experiments.hydra_main` has it
            raise InputError(line_of(error)) from None

    configs = [path.read_text().replace("${network.", "${oc.env:NO,") for path in sorted(home.glob("*.yaml"))]
    plain = [re.sub(r"\$\{oc.env:NO,(\w+)\}", lambda m: _NETWORK[m[1]], text) for text in configs]
    return Kind([text.encode() for text in plain], read)


def _overrides(work: Path) -> Kind:
    """Words of a command line of experiments.train, one a line, up to the check of all options."""
    home = str(Path(__file__).parents[1] / "conf")
    words = [
        "model=gpt",
        "seed=3",
        "budget.minutes=0.5",
        "training.patience=2",
        "+x=1",
        "~wandb",
        "data.path=a/b",
    ]

    def read(data: bytes) -> Any:
        given = [word for word in data.decode(errors="replace").split("\n") if word and "hydra" not in word]
        try:
            with hydra.initialize_config_dir(home, version_base="1.3"):  # which it forgets again
                config = hydra.compose("train", given)
            assert isinstance(config, DictConfig)
            check_values(config)
        except (
            HydraException,
            OmegaConfBaseException,
            ValueError,
            OSError,
        ) as error:  # as `hydra_main` has it
            raise InputError(line_of(error)) from None

    return Kind(["\n".join(words[i : i + 3]).encode() for i in range(len(words))], read)


# --- values in place of bytes: what Hypothesis draws, led by the coverage as well ----------------------------------

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 50),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        ["", "40°", "V5/6c", "6B+", "s~G5~|e~C18~", "A5", "t", "\ud800", "１", "1e999", FRAMES[0]]
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "description", "angle", "grade", "isStart", "moves"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)
_KEYS = st.sampled_from(
    [
        *(
            "apiId",
            "grade",
            "moves",
            "holdsetup",
            "holdsets",
            "configurations",
            "moonBoardConfiguration",
            "angle",
        ),
        *(
            "dateDeleted",
            "Active",
            "repeats",
            "userRating",
            "isBenchmark",
            "dateInserted",
            "is_draft",
            "v_grade",
        ),
        *("frames", "uuid", "frames_count", "created_at", "ascents", "difficulty_average"),
    ]
)


_ROUGH = [random.Random(i).randbytes(64 << i % 6) for i in range(24)]  # what Hypothesis draws from


def _records(work: Path) -> Kind:
    """JSON records, of a MoonBoard's and of frames, with any values under the names that are read."""
    at, home = work / "case", _home(work)
    full = _moonboard()[0][0]
    rows = {"frames": FRAMES[0], "angle": 40, "grade": "6c"}

    def check(changes: list[dict[str, Any]], with_frames: bool) -> None:
        good = rows if with_frames else full
        at.write_text(json.dumps([good, *({**good, **change} for change in changes)]))
        imported(import_dataset(at, Options(board=home) if with_frames else Options()))

    some = st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), min_size=1, max_size=3)
    return Kind(_ROUGH, _drawn(given(some, st.booleans())(check)))


def _cells(work: Path) -> Kind:
    """An Aurora database with any values in one column of one table."""
    _aurora(work / "aurora.sqlite3")
    good = sqlite3.connect(work / "aurora.sqlite3")
    tables = [
        name for (name,) in good.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    columns = [(t, c) for t in tables for (c,) in good.execute("SELECT name FROM pragma_table_info(?)", (t,))]
    blob = st.one_of(
        _SCALARS.map(lambda v: str(v.bit_length()) if isinstance(v, int) and abs(v) >> 63 else v),
        st.binary(max_size=5),
    )
    at = work / "case"

    def check(where: tuple[str, str], values: list[Any]) -> None:
        at.unlink(missing_ok=True)
        db = sqlite3.connect(at)
        good.backup(db)
        table, column = where
        for row, value in enumerate(values, 1):
            value = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
        db.commit()
        db.close()
        imported(import_dataset(at, Options()))

    some = st.lists(blob, min_size=1, max_size=4)
    return Kind(_ROUGH, _drawn(given(st.sampled_from(columns), some)(check)))


def _parquet(work: Path) -> Kind:
    """A dataset's table with one column changed: its type, its nulls, its numbers, the lengths of its lists."""
    folder = work / "data"
    synthetic_dataset(60, 0).save(folder)
    _without_sums(folder / "card.json")
    good = pq.read_table(folder / Dataset.file).combine_chunks()
    numbers = st.one_of(st.none(), st.integers(-3, 300), st.integers(-(2**31), 2**31), st.floats())
    cells = st.one_of(numbers, st.text(max_size=3), st.lists(numbers, max_size=4))

    def check(name: str, changes: dict[int, Any], drop: bool) -> None:
        values = good[name].to_pylist()
        for row, value in changes.items():
            values[row] = value
        at = good.column_names.index(name)
        try:
            column = pa.array(values)
        except (pa.ArrowException, TypeError, OverflowError):
            return
        table = good.drop_columns([name]) if drop else good.set_column(at, name, column)
        pq.write_table(table, folder / Dataset.file)
        sound(Dataset.load(folder))

    changed = st.dictionaries(st.integers(0, len(good) - 1), cells, min_size=1, max_size=3)
    seldom = st.integers(0, 20).map(lambda n: n == 20)
    return Kind(_ROUGH, _drawn(given(st.sampled_from(good.column_names), changed, seldom)(check)))


# --- files that are built wrong, and folders ----------------------------------------------------------------------

_BUILT = [b"\0", *_ROUGH]  # the first one leaves what it is given as it is


def _built(
    work: Path, build: Callable[[Choices], bytes], options: Options, examples: list[bytes] = _BUILT
) -> Kind:
    """What is built is imported; of what is kept, some is saved and read again."""
    imports = _importer(work, options)

    def read(data: bytes) -> Any:
        built = build(Choices(data))
        with nothing_else(work, "case"):
            dataset = imports(built)
        if not zlib.crc32(data) % 8:
            kept(dataset, work / "kept")
        return dataset

    return Kind(examples, read)


def _built_json(work: Path) -> Kind:
    documents = _moonboard()

    def build(choices: Choices) -> bytes:
        which = choices.below(2 * len(documents))
        return odd_json(documents[which // 2], choices).encode()

    return _built(work, build, Options())


def _built_csv(work: Path) -> Kind:
    rows = [line.split(",") for line in _csv().splitlines()]
    return _built(work, lambda choices: odd_csv(rows, choices), Options(board=_home(work)))


def _schema(work: Path) -> Kind:
    """Databases of the apps and snapshots of them, whose tables are others."""
    plain = _aurora(work / "aurora.sqlite3")
    wide = [_aurora(work / f"{code}.sqlite3", code) for code in ("UTF-16le", "UTF-16be")]
    some = [plain, plain, *wide, _snapshot(plain)]
    return _built(work, lambda choices: odd_database(choices.of(some), choices), Options())


def _packages(work: Path) -> Kind:
    """Zip files built wrong, imported or fetched from."""
    document, database = json.dumps(_moonboard()[0]).encode(), _aurora(work / "aurora.sqlite3")
    bomb = gzip.compress(bytes(80 << 20))  # one that lies in a package unpacks to more than is allowed
    payloads = [
        *(
            database,
            document,
            _csv().encode(),
            gzip.compress(document),
            zipped({"db.sqlite3": database}),
            b"",
        ),
        *(
            zipped({"res/x": b"drawable"}),
            database[:700],
            b"\x1f\x8b",
            b"PK\3\4",
            b"SQLite format 3\0",
            bytes(3000),
        ),
        zipped({"a.json": bytes(2 << 20)}),
    ]
    at, out, imports = work / "case", work / "out", _importer(work, Options())

    def read(data: bytes) -> Any:
        choices = Choices(data)
        fetched = choices.below(2)
        built = odd_package([*payloads, bomb] if choices.below(64) == 63 else payloads, choices)
        with nothing_else(work, "case", "out"):
            if not fetched:
                return imports(built)
            at.write_bytes(built)
            out.write_bytes(b"old")
            try:
                fetch(str(at), out, force=True)
            except InputError:
                assert out.read_bytes() == b"old", "a fetch that failed left something"
                raise
            db = sqlite3.connect(f"file:{out}?immutable=1", uri=True)
            try:
                assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            finally:
                db.close()
        return out

    return Kind(_BUILT, read)


def _parquet_tables(work: Path) -> Kind:
    """A dataset's table with its columns, types, rows and footer changed."""
    folder = work / "data"
    synthetic_dataset(20, 0).save(folder)
    _without_sums(folder / "card.json")
    good = pq.read_table(folder / Dataset.file).combine_chunks()

    def read(data: bytes) -> Any:
        (folder / Dataset.file).write_bytes(odd_parquet(good, Choices(data)))
        return sound(Dataset.load(folder))

    return Kind(_BUILT, read)


def _folder(
    head: str, make: Callable[[Path, int], Any], load: Callable[[Path, bool], Any]
) -> Callable[[Path], Kind]:
    """Folders of which any file is damaged, of another folder, a link, a pipe or missing.

    head: the file with the checksums. make: the i-th folder of the kind. load: raises InputError for what is none, or
    AssertionError where what it gives is not sound; told, now and then, to try what it gives.
    """

    def kind(work: Path) -> Kind:
        some = []
        for i in range(4):
            make(work / "good", i)
            some.append({p.name: p.read_bytes() for p in (work / "good").iterdir() if p.is_file()})
            shutil.rmtree(work / "good")
        at, outside = work / "case", work / "outside"
        outside.write_bytes(b"kept")

        def read(data: bytes) -> Any:
            choices = Choices(data)
            whole = odd_folder(some[0], some[1:], head, at, outside, choices)
            before = {path: path.lstat().st_mtime_ns for path in at.rglob("*")}
            with nothing_else(work, "case"):
                try:
                    found = load(at, not zlib.crc32(data) % 32)
                except InputError:
                    assert not whole, "a whole folder was refused"
                    raise
                finally:
                    assert {path: path.lstat().st_mtime_ns for path in at.rglob("*")} == before
                    assert outside.read_bytes() == b"kept"
            return found

        return Kind(_BUILT, read)

    return kind


@contextmanager
def nothing_else(work: Path, *names: str) -> Iterator[None]:
    """Raises AssertionError where something came into the folder in here, but for these names."""
    before = {path.name for path in work.iterdir()} | set(names)
    try:
        yield
    finally:
        assert {path.name for path in work.iterdir()} <= before, "something was written where it should not"


def _make_data(folder: Path, i: int) -> None:
    synthetic_dataset(20 + i % 2, i).save(folder)


def _make_sets(folder: Path, i: int) -> None:
    lines = [";".join("abcdefg"[(i + j * k) % 7] for k in range(1, 4)) for j in range(1, 9)]
    build(read_baskets(rows_of("\n".join(lines[i:]))), "case", {}).save(folder)


def _make_model(folder: Path, i: int) -> None:
    _tiny_model(i).save(folder)


def _make_grader(folder: Path, i: int) -> None:
    board = BOARD if i != 2 else replace(BOARD, angles=BOARD.angles[:-1])
    config = GraderConfig((16, 20 + i), 15.0, (40.0, 10.0), (20, 60), width=8, depth=1 + i % 2)
    Grader(board, config).save(folder)


def _load_graded(folder: Path, draws: bool) -> Any:
    grader = load_grader(folder)
    for name, weight in grader.state_dict().items():
        assert bool(weight.isfinite().all()), name
    if draws and len(grader.board) == len(BOARD):
        grader.grade(TWO)
    return grader


def _tiny_model(i: int) -> Generator:
    """One of a few networks of some hundred weights, on boards that differ a little."""
    board = BOARD if i != 2 else replace(BOARD, angles=BOARD.angles[:-1])
    torch.manual_seed(i)
    return SweepSet(board, SweepSet.Config(width=8 + 8 * (i % 2), depth=1, heads=1)).eval()


KINDS: dict[str, Callable[[Path], Kind]] = {
    "frames": _frames,
    "text": _text,
    "holds": _holds,
    "sets": _sets,
    "moonboard.json": _moonboard_json,
    "climbs.csv": _csv_file,
    "records": _records,
    "sqlite": _sqlite,
    "cells": _cells,
    "gzip": _gzip,
    "zip": _zip,
    **{f"data-{name}": _dataset_file(name) for name in ("board.json", "card.json", "climbs.parquet")},
    "parquet": _parquet,
    **{f"model-{name}": _model_file(name) for name in ("model.json", "board.json", "weights.safetensors")},
    "json": _built_json,
    "csv": _built_csv,
    "schema": _schema,
    "packages": _packages,
    "tables": _parquet_tables,
    "data-folder": _folder("card.json", _make_data, lambda at, _: sound(load_dataset(at))),
    "sets-folder": _folder("card.json", _make_sets, lambda at, _: sound(load_dataset(at))),
    "model-folder": _folder("model.json", _make_model, lambda at, draws: usable(load_generator(at), draws)),
    "grader-folder": _folder("grader.json", _make_grader, _load_graded),
    "yaml": _yaml,
    "overrides": _overrides,
}


# --- what they are made of ----------------------------------------------------------------------------------------

_NETWORK = {"width": "8", "depth": "1", "heads": "1", "dropout": "0.1"}


def _drawn(property_: Any) -> Callable[[bytes], Any]:
    """A reader that lets Hypothesis draw the values of a property from the bytes."""
    draw = settings(database=None, deadline=None)(property_).hypothesis.fuzz_one_input

    return lambda data: NO_CASE if draw(data) is None else None


def _importer(work: Path, options: Options) -> Callable[[bytes], Any]:
    at = work / "case"

    def read(data: bytes) -> Any:
        at.write_bytes(data)
        return imported(import_dataset(at, options))

    return read


def _file_of(path: Path, read: Callable[[], Any]) -> Kind:
    """The file of a folder that is read as a whole."""

    def with_other(data: bytes) -> Any:
        path.write_bytes(data)
        return read()

    return Kind([path.read_bytes()], with_other)


def _without_sums(path: Path, **more: Any) -> None:
    head = json.loads(path.read_text())
    head.pop("sha256", None)
    path.write_text(json.dumps(head | more))


def _home(work: Path) -> Path:
    (work / "board").mkdir(exist_ok=True)
    BOARD.save(work / "board" / "board.json")
    return work / "board"


def _csv() -> str:
    return "frames,angle,grade,uuid\n" + "".join(f"{f},40,7a/V6,{i}\n" for i, f in enumerate(FRAMES))


def _lines() -> str:
    return "\n".join(json.dumps({"frames": f, "angle": 30, "v_grade": "V4"}) for f in FRAMES)


def _first_member(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(package.infolist()[0])


def _moonboard() -> list[Any]:
    full = {
        "apiId": 1,
        "grade": "6B+",
        "holdsetup": {"apiId": 15, "description": "MoonBoard Masters 2017"},
        "moonBoardConfiguration": {"id": 1, "description": "40° MoonBoard"},
        "isBenchmark": False,
        "repeats": 3,
        "moves": [
            {"description": hole, "isStart": i == 0, "isEnd": i == 2}
            for i, hole in enumerate(("A4", "C9", "A18"))
        ],
    }
    short = {"Grade": "7A", "Moves": ["A4", "C9", "D12", "A18"]}
    text = {
        "holdsetup": 15,
        "moves": "s~G5~|l~C12~|e~C18~",
        "configurations": [{"configuration": "40°", "grade": "6A"}],
    }
    return [
        [full] * 3,
        {"1": short, "2": short},
        {"count": 1, "holdsetup": 17, "problems": [text]},
        {"total": 1, "data": [full]},
    ]


def _aurora(path: Path, encoding: str = "UTF-8") -> bytes:
    """A small database in the apps' schema, of small pages: a grid of 16 holes."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute("PRAGMA page_size = 512")
    db.execute(f"PRAGMA encoding = '{encoding}'")
    db.executescript(
        """
        CREATE TABLE products (id INT, name TEXT); CREATE TABLE layouts (id INT, product_id INT, name TEXT);
        CREATE TABLE sets (id INT, name TEXT); CREATE TABLE products_angles (product_id INT, angle INT);
        CREATE TABLE product_sizes (id INT, product_id INT, name TEXT, is_listed INT, edge_left INT, edge_right INT,
            edge_bottom INT, edge_top INT);
        CREATE TABLE product_sizes_layouts_sets (id INT, product_size_id INT, layout_id INT, set_id INT);
        CREATE TABLE holes (id INT, product_id INT, name TEXT, x INT, y INT, mirrored_hole_id INT);
        CREATE TABLE placements (id INT, layout_id INT, hole_id INT, set_id INT);
        CREATE TABLE placement_roles (id INT, product_id INT, name TEXT, screen_color TEXT);
        CREATE TABLE climbs (uuid TEXT, layout_id INT, angle INT, frames_count INT, frames TEXT, is_draft INT,
            is_listed INT);
        CREATE TABLE climb_stats (climb_uuid TEXT, angle INT, ascensionist_count INT, difficulty_average FLOAT);
        INSERT INTO products VALUES (4, 'Tension Board'); INSERT INTO layouts VALUES (1, 4, 'Original');
        INSERT INTO sets VALUES (1, 'Wood'); INSERT INTO products_angles VALUES (4, 40);
        INSERT INTO product_sizes VALUES (1, 4, 'full', 1, 0, 50, 0, 50);
        INSERT INTO product_sizes_layouts_sets VALUES (1, 1, 1, 1);
        """
    )
    for i in range(16):
        db.execute(
            "INSERT INTO holes VALUES (?, 4, ?, ?, ?, NULL)",
            (i, f"H{i}", 10 + 10 * (i % 4), 10 + 10 * (i // 4)),
        )
        db.execute("INSERT INTO placements VALUES (?, 1, ?, 1)", (100 + i, i))
    for i, role in enumerate(("start", "middle", "finish", "foot"), 1):
        db.execute("INSERT INTO placement_roles VALUES (?, 4, ?, '00FF00')", (i, role))
    for i in range(6):
        db.execute(
            "INSERT INTO climbs VALUES (?, 1, 40, 1, ?, 0, 1)", (f"c{i}", f"p10{i}r1p10{i + 1}r2p11{i % 6}r3")
        )
        db.execute("INSERT INTO climb_stats VALUES (?, 40, 3, 18.2)", (f"c{i}",))
    db.commit()
    db.close()
    return path.read_bytes()


def _snapshot(aurora: bytes) -> bytes:
    """The same database as a community snapshot with its holds: every table says which board it is of."""
    db = sqlite3.connect(":memory:")
    db.deserialize(aurora)
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        db.execute(f"CREATE TABLE board_{table} AS SELECT 'tension' AS board_type, * FROM {table}")
        db.execute(f"DROP TABLE {table}")
    db.commit()
    try:
        return db.serialize()
    finally:
        db.close()
