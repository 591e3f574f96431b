"""Damaged dataset and model folders are refused in one line; another dataset is not replaced unasked."""

from __future__ import annotations

import json

import pytest

from setgen.builtin_model import BUILTIN
from setgen.cli.main import run
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.registry import load_generator


@pytest.fixture
def dataset(tmp_path):
    assert run(["data", "synth", "--climbs", "300", "--out", str(tmp_path / "data")]) == 0
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["board.json", "climbs.parquet"])
def test_a_changed_file_of_a_dataset_is_found(dataset, name) -> None:
    card = Dataset.load(dataset).card
    assert "sha256" not in card
    data = bytearray((dataset / name).read_bytes())
    data[len(data) // 2] ^= 1
    (dataset / name).write_bytes(bytes(data))
    with pytest.raises(InputError, match=f"damaged: {name} is not the file that was saved"):
        Dataset.load(dataset)


def test_folders_without_checksums_are_read(dataset) -> None:
    card = json.loads((dataset / "card.json").read_text())
    card.pop("sha256")
    (dataset / "card.json").write_text(json.dumps(card))
    assert len(Dataset.load(dataset).sets)
    for wrong in ("[]", '{"sha256": {"../board.json": "0"}}', '{"sha256": 5}', "{"):
        (dataset / "card.json").write_text(wrong)
        with pytest.raises(InputError, match=r"damaged|no card"):
            Dataset.load(dataset)


@pytest.mark.parametrize("name", ["board.json", "weights.safetensors"])
def test_a_changed_file_of_a_model_is_found(tmp_path, name) -> None:
    load_generator(BUILTIN).save(tmp_path)
    load_generator(tmp_path)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    with pytest.raises(InputError, match=f"damaged: {name}"):
        load_generator(tmp_path)


def test_a_dataset_from_another_file_is_replaced_only_by_force(dataset, tmp_path, capsys) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("a,b\nb,c\na,c,d\nd\n" * 30)
    out = ["--out", str(dataset)]
    assert run(["data", "import", str(tmp_path / "one.csv"), *out]) == 2
    assert "holds another dataset" in capsys.readouterr().err
    assert Dataset.load(dataset).card["title"]
    assert run(["data", "import", str(tmp_path / "one.csv"), *out, "--force"]) == 0
    assert run(["data", "import", str(tmp_path / "one.csv"), *out]) == 0  # the same file again
    assert run(["data", "import", str(tmp_path / "two.csv"), *out]) == 2
    assert run(["data", "synth", *out]) == 2
    for card in ("", "[]", '{"source": 1}', "[" * 100_000):
        (dataset / "card.json").write_text(card)
        capsys.readouterr()
        assert run(["data", "import", str(tmp_path / "one.csv"), *out]) == 2  # nobody knows what it was
        assert "cannot be read" in capsys.readouterr().err
    assert run(["data", "import", str(tmp_path / "one.csv"), *out, "--force"]) == 0
