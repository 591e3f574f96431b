"""`setgen export` and what reads its folders: whole folders, and one line for what is wrong."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from contract import WALL
from tiny_models import BASKETS, build, build_grader

from setgen.cli.main import run
from setgen.climbing.board import Board
from setgen.files import checksum
from setgen.generators.registry import generator_class


@pytest.fixture
def refused(capsys):
    """Run a command that must fail with exit code 2 and one line, and return that line."""

    def call(*arguments: object) -> str:
        assert run(list(map(str, arguments))) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    return call


@pytest.fixture
def model(tmp_path):
    build("masked_set").save(tmp_path / "run" / "model")
    return tmp_path / "run"


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported("masked_set"), tmp_path / "copy")


def test_the_folder_is_whole_and_plain(exported):
    folder = exported("masked_set")
    card = json.loads((folder / "export.json").read_text())
    networks = {f"{name}.onnx" for name in ("sizes", "start", "step", "label")}
    listed = networks | {"weights.bin", "board.json", "settings.json"}
    assert {path.name for path in folder.iterdir()} == listed | {"export.json"}
    assert card["sha256"] == {name: checksum(folder / name) for name in listed}
    assert (card["runtime"], card["precision"], card["space"]) == ("onnx", "float32", WALL.name)
    assert set(card["networks"].values()) == networks
    assert card["inputs"]["start"]["item"] == "int64 (sets, items)"
    assert json.loads((folder / "settings.json").read_text())["model"] == "masked_set"
    assert Board.load(folder / "board.json").to_json() == WALL.to_json()
    weights = sum(p.numel() for p in build("masked_set").parameters()) * 4
    assert (folder / "weights.bin").stat().st_size < 1.5 * weights  # the networks share them


@pytest.mark.slow
def test_export_writes_what_generate_reads(model, tmp_path, capsys):
    assert run(["export", "--model", str(model), "--out", str(tmp_path / "a" / "x")]) == 0
    assert capsys.readouterr().err == f"Exported: {tmp_path / 'a' / 'x'}\n"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]
    assert run(["generate", "--model", str(tmp_path / "a" / "x"), "--runtime", "onnx", "-n", "3"]) == 0
    here = capsys.readouterr().out
    assert run(["generate", "--model", str(model), "-n", "3"]) == 0
    assert capsys.readouterr().out == here


def test_wrong_wishes(refused, model, tmp_path):
    def export(*arguments, model=model, out=tmp_path / "out"):
        line = refused("export", "--model", model, "--out", out, *arguments)
        assert not (tmp_path / "out").exists()
        return line

    assert "unknown format 'tflite': use onnx" in export("--format", "tflite")
    assert "unknown precision 'int4': use float32, fp16, int8" in export("--precision", "int4")
    assert "not a folder" in export(model=tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "not a complete model folder" in export(model=tmp_path / "empty")
    assert "is there already: choose another folder" in export(out=model)
    canvas = generator_class("hold_canvas")
    canvas(WALL, canvas.Config(width=8, depth=1, heads=1)).save(tmp_path / "canvas")
    assert "torch.autograd.grad" in export(model=tmp_path / "canvas")


def test_wrong_folders(refused, exported, model, tmp_path):
    def generate(folder, runtime="onnx"):
        return refused("generate", "--model", folder, "--runtime", runtime)

    assert "unknown runtime 'tensorrt'" in generate(exported("masked_set"), "tensorrt")
    assert "not a folder" in generate(tmp_path / "nothing")
    assert "make one with `setgen export`" in generate(model)
    for option in (("--guidance", 1), ("--top-p", 0.5), ("--calls", 3)):
        line = refused("generate", "--model", exported("masked_set"), "--runtime", "onnx", *option)
        assert "knows no --calls, --guidance and --top-p" in line
    assert "is an exported model: add --runtime onnx" in generate(exported("masked_set"), "torch")
    assert "is an exported grader" in generate(exported("grader"))


def test_wrong_graders(refused, exported, tmp_path):
    holds = "--holds", "H1:start,H5,H9:finish"
    assert "no grader" in refused("grade", "--grader", exported("masked_set"), "--runtime", "onnx", *holds)
    assert "add --runtime onnx" in refused("grade", "--grader", exported("grader"), *holds)
    assert "needs --grader" in refused("grade", "--data", tmp_path, "--runtime", "onnx", *holds)


@pytest.mark.parametrize("name", ["step.onnx", "weights.bin", "board.json", "settings.json"])
def test_damage_is_found(refused, copy, name):
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"damaged: {name} is not the file" in refused("generate", "--model", copy, "--runtime", "onnx")
    (copy / name).unlink()
    assert f"damaged: {name} is missing" in refused("generate", "--model", copy, "--runtime", "onnx")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2, "sha256": {}}', '{"format": 2, "networks": {"a": "../a"}, "sha256": {}}'],
)
def test_a_damaged_card_is_found(refused, copy, text):
    (copy / "export.json").write_text(text)
    assert "damaged: export.json" in refused("generate", "--model", copy, "--runtime", "onnx")


def test_a_folder_of_another_format_says_so(refused, copy):
    card = json.loads((copy / "export.json").read_text())
    (copy / "export.json").write_text(json.dumps(card | {"format": 99}))
    assert "upgrade setgen" in refused("generate", "--model", copy, "--runtime", "onnx")
    (copy / "export.json").write_text('{"format": 1, "runtime": "onnx", "sha256": {}}')
    assert "export the model again" in refused("generate", "--model", copy, "--runtime", "onnx")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("step.onnx", "nonsense", "not a network that onnxruntime can run"),
        ("settings.json", '{"runner": "dice"}', "needs the runner 'dice'"),
        ("settings.json", '{"runner": "grader"}', "export it again"),
        ("settings.json", '{"runner": "generator", "model": "masked_set"}', "export it again"),
        ("settings.json", "[1]", "damaged: settings.json"),
        ("board.json", "{}", "not a board"),
    ],
)
def test_files_of_another_kind_with_the_right_checksum(refused, copy, name, text, said):
    (copy / name).write_text(text)
    card = json.loads((copy / "export.json").read_text())
    card["sha256"][name] = checksum(copy / name)
    (copy / "export.json").write_text(json.dumps(card))
    assert said in refused("generate", "--model", copy, "--runtime", "onnx")


def test_without_the_libraries(refused, exported, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "uv pip install -e '.[export]'" in refused(
        "generate", "--model", exported("masked_set"), "--runtime", "onnx"
    )
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "uv pip install -e '.[export]'" in refused("export", "--model", model, "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.slow
def test_a_grader_is_exported(tmp_path):
    build_grader().save(tmp_path / "grader")
    out = tmp_path / "out"
    assert run(["export", "--model", str(tmp_path / "grader"), "--out", str(out)]) == 0
    assert json.loads((out / "export.json").read_text())["runner"] == "grader"


def test_a_page_that_cannot_be_made_is_one_line(refused, tmp_path, model, monkeypatch) -> None:
    out = tmp_path / "page"
    assert "goes with --format web" in refused("export", "--model", model, "--out", out, "--data", tmp_path)
    assert "--model is missing" in refused("export", "--out", out)
    (tmp_path / "package.tgz").write_bytes(b"no archive")
    command = ("export", "--format", "web", "--out", out, "--onnxruntime-web")
    assert "no package of onnxruntime-web" in refused(*command, tmp_path / "package.tgz")
    with tarfile.open(tmp_path / "whole.tgz", "w:gz") as archive:
        archive.add(Path(__file__), "package/dist/some.js")
    (tmp_path / "cut.tgz").write_bytes((tmp_path / "whole.tgz").read_bytes()[:-40])
    assert "no package of onnxruntime-web" in refused(*command, tmp_path / "cut.tgz")
    assert "it has no ort" in refused(*command, tmp_path)
    monkeypatch.setenv("PATH", "")
    assert "npm, which fetches it, is not installed" in refused("export", "--format", "web", "--out", out)
    baskets = tmp_path / "baskets"
    build("hold_frequency", BASKETS).save(baskets)
    assert "no model of a board" in refused("export", "--format", "web", "--model", baskets, "--out", out)
    assert not out.exists()
