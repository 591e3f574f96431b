"""generate, complete and score: from a saved model to climbs in a pipe; one line for wrong input."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import setgen
from baselines.frequency import Frequency
from setgen.cli.main import main, run
from setgen.climbing.climbs import Climbs
from setgen.climbing.frames import read_frames, write_frames
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.masked_set import MaskedSet
from setgen.sets.shards import Shards

BOARD = synthetic_board()
GIVEN = "p5r1p20r2"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A run folder with a tiny generator that has counted sizes but learned nothing."""
    torch.manual_seed(0)
    generator = MaskedSet(BOARD, MaskedSet.Config(width=8, depth=1, heads=1))
    generator.fit_counts(synthetic_climbs(200, seed=0))
    folder = tmp_path_factory.mktemp("run")
    generator.save(folder / "model")
    return folder


@pytest.fixture
def out(capsys, model):
    """Run a command with the model and return its lines on standard output."""

    def call(command: str, *arguments: object) -> list[str]:
        code = run([command, "--model", str(model), *map(str, arguments)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out.splitlines()

    return call


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


def holds_of(line: str) -> set[tuple[int, int]]:
    return set(read_frames(BOARD, [line]).climb(0).holds)


def test_generate_makes_n_legal_climbs_again_and_again(out) -> None:
    lines = out("generate", "--angle", 40, "--grade", "7a", "-n", 20, "--seed", 3)
    assert len(lines) == 20
    assert legal(BOARD, read_frames(BOARD, lines)).all()
    assert lines == out("generate", "--angle", 40, "--grade", "V6", "-n", 20, "--seed", 3)
    assert lines != out("generate", "--angle", 40, "--grade", "7a", "-n", 20, "--seed", 4)
    assert lines[:5] == out("generate", "--angle", 40, "--grade", "7a", "-n", 5, "--seed", 3)


def test_size_is_kept(out) -> None:
    assert set(read_frames(BOARD, out("generate", "-n", 5, "--size", 9)).sizes) == {9}


def test_complete_keeps_what_is_given(out) -> None:
    for line in out("complete", "--holds", GIVEN, "-n", 12, "--grade", "6a"):
        assert holds_of(GIVEN) <= holds_of(line)
    named = f"{BOARD.hole_names[4]}:start,{BOARD.hole_names[19]}"
    assert out("complete", "--holds", named, "-n", 3) == out("complete", "--holds", GIVEN, "-n", 3)


def test_constraints_are_kept(out) -> None:
    laid = ("--forbid", "p20,G30", "--region", "0,0,80,130", "--hold-sets", "grips", "--feet", "none")
    sizes = ("--min-holds", 6, "--max-holds", 7)
    climbs = read_frames(BOARD, out("complete", "--holds", "p5r1p110r2", "-n", 20, *laid, *sizes))
    for climb in climbs:
        new = set(climb.holds) - holds_of("p5r1p110r2")
        assert len(new) + 2 == len(climb.holds)
        assert not {19, 29} & {p for p, _ in new}
        assert all(BOARD.xy[p, 0] <= 80 and BOARD.xy[p, 1] <= 130 and p < 110 for p, _ in new)
        assert all(role != setgen.Role.FOOT for _, role in climb.holds)
    assert set(climbs.sizes) <= {6, 7}
    marked = read_frames(BOARD, out("generate", "-n", 20, "--feet", "marked"))
    assert all(setgen.Role.FOOT in dict(map(reversed, climb.holds)) for climb in marked)


def test_roles_may_be_left_open(out) -> None:
    climbs = read_frames(BOARD, out("complete", "--holds", "G5:?,G7:start", "-n", 30))
    roles = [dict(climb.holds) for climb in climbs]
    assert legal(BOARD, climbs).all()
    assert {r[6] for r in roles} == {setgen.Role.START}
    assert len({r[4] for r in roles}) > 1
    assert out("complete", "--holds", "p5r?p7r1", "-n", 3) == out(
        "complete", "--holds", "G5:?,G7:start", "-n", 3
    )


def test_how_climbs_are_drawn_is_the_models_own_matter(out, refused, tmp_path) -> None:
    asked = ("generate", "--angle", 40, "--grade", "7a", "-n", 30, "--seed", 3)
    plain = out(*asked)
    for options in (("--calls", 1), ("--guidance", 2), ("--top-p", 0.5)):
        lines = out(*asked, *options)
        assert legal(BOARD, read_frames(BOARD, lines)).all()
        assert lines != plain
    generator = Frequency(BOARD, Frequency.Config())
    generator.fit_counts(synthetic_climbs(200, seed=0))
    generator.save(tmp_path / "counts")
    for options, what in (
        (("--calls", 1), "has no --calls"),
        (("--guidance", 2), "guidance does nothing here"),
    ):
        assert what in refused("generate", "--model", tmp_path / "counts", *options)


def test_prompts_come_from_a_pipe(out, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GIVEN}\n\np30r3\n"))
    lines = out("complete", "--holds", "-", "-n", 3)
    assert len(lines) == 6
    assert all(holds_of(GIVEN) <= holds_of(line) for line in lines[:3])
    assert all(holds_of("p30r3") <= holds_of(line) for line in lines[3:])


def test_the_three_formats_say_the_same(out, tmp_path) -> None:
    arguments = ("generate", "--angle", 40, "--grade", "7a", "-n", 4)
    frames = out(*arguments)
    records = [json.loads(line) for line in out(*arguments, "--format", "jsonl")]
    assert [r["frames"] for r in records] == frames
    assert {(r["angle"], r["grade"], r["v_grade"]) for r in records} == {(40, "7a", "V6")}
    assert out(*arguments, "--out", tmp_path / "c.csv") == []
    assert (tmp_path / "c.csv").read_text().splitlines() == [
        "frames,angle,grade",
        *(f"{f},40,7a" for f in frames),
    ]


def test_score_is_the_likelihood_of_each_climb(out, model, tmp_path) -> None:
    climbs = synthetic_climbs(6, seed=5)
    setgen.write_climbs(tmp_path / "c.csv", BOARD, climbs, "csv")
    records = [
        json.loads(s) for s in out("score", "--climbs", tmp_path / "c.csv", "--orders", 3, "--seed", 1)
    ]
    expected = setgen.likelihood(setgen.load_generator(model), climbs, orders=3, seed=1).bits
    np.testing.assert_allclose([r["bits_per_hold"] for r in records], expected, rtol=1e-12)
    np.testing.assert_allclose([r["log2_likelihood"] for r in records], -expected * climbs.sizes, rtol=1e-12)
    rows = out("score", "--climbs", tmp_path / "c.csv", "--orders", 3, "--seed", 1, "--format", "csv")
    assert rows[0] == "frames,angle,grade,log2_likelihood,bits_per_hold"
    assert float(rows[1].split(",")[-1]) == records[0]["bits_per_hold"]


def test_score_takes_missing_conditions_from_the_options(out, tmp_path) -> None:
    climbs = synthetic_climbs(3, seed=5)
    climbs = climbs.with_conditions(np.full(3, 40), np.full(3, 20))
    setgen.write_climbs(tmp_path / "full.csv", BOARD, climbs, "csv")
    setgen.write_climbs(tmp_path / "bare", BOARD, climbs)
    bare = out("score", "--climbs", tmp_path / "bare")
    filled = out("score", "--climbs", tmp_path / "bare", "--angle", 40, "--grade", setgen.grade_name(20))
    assert filled == out("score", "--climbs", tmp_path / "full.csv")
    assert filled != bare


def test_no_legal_lifts_the_rules(out, tmp_path, refused, model) -> None:
    lines = out("generate", "-n", 60, "--no-legal")
    assert not legal(BOARD, read_frames(BOARD, lines)).all()
    (tmp_path / "c").write_text("p5r1p6r1p7r1p8r3\n")
    assert "too many starts" in refused("score", "--model", model, "--climbs", tmp_path / "c")
    assert len(out("score", "--climbs", tmp_path / "c", "--no-legal")) == 1
    (tmp_path / "c").write_text("frames,angle\np5r1p6r3,40\n,40\n")
    assert "climb 2 has no holds" in refused(
        "score", "--model", model, "--climbs", tmp_path / "c", "--no-legal"
    )


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("generate", "--grade", "9z"), "unknown grade"),
        (("generate", "--angle", 41), "angle 41"),
        (("generate", "-n", 0), "-n"),
        (("generate", "--size", 1), "size 1 is impossible"),
        (("generate", "--size", 36), "size 36 is impossible"),
        (("generate", "--seed", -1), "seed"),
        (("generate", "--temperature", -1), "temperature"),
        (("generate", "--temperature", "inf"), "temperature inf"),
        (("generate", "--temperature", "nan"), "temperature"),
        (("generate", "--angle", -1), "angle -1"),
        (("generate", "-n", 10_000_000), "-n"),
        (("generate", "--out", ""), "is empty"),
        (("generate", "--out", f"/tmp/{'a' * 300}"), "too long"),
        (("generate", "--format", "xml"), "unknown format"),
        (("generate", "--out", "/nowhere/at/all"), "cannot write"),
        (("complete", "--holds", "p9999r1"), "not on this board"),
        (("complete", "--holds", "p5r9"), "role r9"),
        (("complete", "--holds", "Q77"), "not on this board"),
        (("complete", "--holds", "p5r1p5r2"), "twice"),
        (("complete", "--holds", "p5r1p6r1p7r1"), "3 start holds"),
        (("complete", "--holds", "p5r2p6r2p7r2", "--size", 4), "size 4 is impossible"),
        (("complete", "--holds", ""), "no holds"),
        (("complete",), "--holds"),
        (("complete", "--holds", "p5r1", "--forbid", "p5"), "p5 is given, and forbidden"),
        (("generate", "--region", "0,0,5,5"), "no hold of this board is left"),
        (("generate", "--hold-sets", "jugs"), "hold set 'jugs'"),
        (("generate", "--feet", "two"), "feet 'two'"),
        (("generate", "--min-holds", 9, "--max-holds", 5), "at least 9"),
        (("generate", "--max-holds", 5, "--size", 8), "8 holds cannot be had"),
        (("generate", "--feet", "none", "--no-legal"), "leave the rules on"),
        (("score", "--climbs", "/nowhere/at/all"), "cannot read"),
        (("score", "--format", "frames"), "unknown format"),
        (("score", "--climbs", ""), "is empty"),
        (("score", "--orders", 0), "orders"),
    ],
)
def test_wrong_input_is_one_line(arguments, what: str, refused, model) -> None:
    assert what in refused(arguments[0], "--model", model, *arguments[1:])


def test_wrong_prompt_lines_are_named(refused, model, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GIVEN}\np5r1p5r1\n"))
    assert "line 2: hold p5" in refused("complete", "--model", model, "--holds", "-")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert "no holds" in refused("complete", "--model", model, "--holds", "-")


def test_too_many_climbs_over_all_prompts_are_refused(refused, model, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GIVEN}\n" * 2))
    assert "at most" in refused("complete", "--model", model, "--holds", "-", "-n", 600_000)


def test_what_takes_too_much_memory_is_one_line(refused, model, tmp_path) -> None:
    (tmp_path / "c").write_text("p5r1p20r2p30r3\n")
    assert "memory" in refused(
        "score", "--model", model, "--climbs", tmp_path / "c", "--orders", 1_000_000_000_000_000
    )


def test_help_has_a_short_form(capsys) -> None:
    assert run(["generate", "-h"]) == 0
    short = capsys.readouterr().out
    assert run(["generate", "--help"]) == 0
    assert short == capsys.readouterr().out


def test_wrong_model_folders_are_one_line(refused, model, tmp_path) -> None:
    assert "not a folder" in refused("generate", "--model", tmp_path / "missing")
    for name in ("model.json", "board.json", "weights.safetensors"):
        folder = tmp_path / f"without-{name}"
        shutil.copytree(model / "model", folder)
        (folder / name).unlink()
        assert name in refused("generate", "--model", folder)
    newer = tmp_path / "newer"
    shutil.copytree(model / "model", newer)
    head = json.loads((newer / "model.json").read_text())
    (newer / "model.json").write_text(json.dumps(head | {"format": 99}))
    assert "newer" in refused("generate", "--model", newer)
    (newer / "model.json").write_text(json.dumps(head | {"format": "1"}))
    assert "not a model" in refused("generate", "--model", newer)
    odd = tmp_path / "odd"
    shutil.copytree(model / "model", odd)
    board = json.loads((odd / "board.json").read_text())
    (odd / "board.json").write_text(json.dumps(board | {"xy": [[1, 2], [3]]}))
    assert "damaged: board.json" in refused("generate", "--model", odd)
    old = {k: v for k, v in head.items() if k != "sha256"} | {"format": 2}  # which noted no checksums
    (odd / "model.json").write_text(json.dumps(old))
    assert "not a board" in refused("generate", "--model", odd)
    (odd / "board.json").write_text(json.dumps(board | {"format": 99}))
    assert "newer" in refused("generate", "--model", odd)
    board["angles"] = board["angles"][:-1]
    (odd / "board.json").write_text(json.dumps(board))
    assert "weights do not fit" in refused("generate", "--model", odd)
    (odd / "model.json").write_text(json.dumps(head | {"config": head["config"] | {"heads": 0}}))
    assert "damaged" in refused("generate", "--model", odd)
    torn = tmp_path / "torn"
    shutil.copytree(model / "model", torn)
    (torn / "weights.safetensors").write_bytes(b"torn")
    assert "damaged" in refused("generate", "--model", torn)


@pytest.mark.slow
def test_a_closed_pipe_is_quiet(model) -> None:
    code = "import sys; from setgen.cli.main import run; sys.exit(run(sys.argv[1:]))"
    arguments = ["generate", "--model", str(model), "-n", "500", "--format", "jsonl"]
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["holds"]
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "what"),
    [
        (["generate", "-n", "1"], "stdout", 2, "standard output is closed"),
        (["score"], "stdin", 2, "standard input is closed"),
        (["generate", "--grade", "9z"], "stderr", 2, ""),
        (["generate", "-n", "1", "--out", "/dev/null"], "stdout", 0, ""),
    ],
)
def test_closed_streams_are_one_line(
    arguments, closed: str, code: int, what: str, model, monkeypatch, capfd
) -> None:
    monkeypatch.setattr("sys.argv", ["setgen", arguments[0], "--model", str(model), *arguments[1:]])
    monkeypatch.setattr(sys, closed, None)  # as Python has it where the shell closed it
    with pytest.raises(SystemExit) as end:
        main()
    monkeypatch.undo()
    shown = capfd.readouterr()
    assert end.value.code == code
    assert what in shown.err
    assert shown.err.count("\n") == (1 if what else 0)
    assert shown.out == ""


def test_ctrl_c_leaves_no_file(model, tmp_path, monkeypatch, capsys) -> None:
    def interrupted(*_: object, **__: object) -> Climbs:
        raise KeyboardInterrupt

    monkeypatch.setattr(MaskedSet, "sample", interrupted)
    command = ["generate", "--model", str(model), "--out", str(tmp_path / "my climbs")]
    assert run(command) == 130
    said = capsys.readouterr().err.strip()
    assert said.startswith("stopped; go on with: setgen generate ")
    assert shlex.split(said.partition("with: ")[2])[1:] == command
    assert list(tmp_path.iterdir()) == []


def test_the_key_of_a_server_that_is_stopped_is_not_shown(monkeypatch, capsys) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("setgen.serving.server.listen", interrupted)
    assert run(["serve", "--api-key", "secret"]) == 130
    assert capsys.readouterr().err.strip() == "stopped"


def test_help_is_quick_and_has_an_example() -> None:
    code = (
        "import sys, setgen; from setgen.cli.main import run\n"
        "assert all(run([c, '--help']) == 0 for c in ('generate', 'complete', 'score', 'draw'))\n"
        "assert not {'torch', 'matplotlib', 'scipy', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("Example:") == 4


def test_five_lines_of_python(model, tmp_path) -> None:
    generator = setgen.load_generator(model)
    prompts = setgen.make_prompts(generator.space, 8, holds=GIVEN, angle=40, grade="7a")
    climbs = generator.sample(prompts, seed=0)
    assert all(holds_of(GIVEN) <= holds_of(line) for line in setgen.write_frames(generator.space, climbs))
    setgen.save_figure(setgen.draw_climb(generator.space, climbs.climb(0)), tmp_path / "a.png")
    direct = Climbs.prompts(8, holds=setgen.parse_holds(BOARD, GIVEN), angle=40, grade=22)
    assert setgen.write_frames(BOARD, generator.sample(direct, seed=0)) == setgen.write_frames(BOARD, climbs)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_every_public_name_is_there() -> None:
    for name in setgen.__all__:
        assert getattr(setgen, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = setgen.nothing  # type: ignore[attr-defined]


def test_shards_hold_the_climbs_of_the_same_command_and_are_gone_on_with(
    out, model, tmp_path, capsys
) -> None:
    asked = ("generate", "--angle", 40, "--grade", "7a", "-n", 20, "--seed", 3)
    lines = out(*asked)
    made = tmp_path / "made"
    parquet = ("--format", "parquet", "--shard", 8, "--out", made)
    assert out(*asked, *parquet) == []
    shards = Shards.open(made)
    assert [len(shards.read(i)) for i in range(len(shards))] == [8, 8, 4]
    assert write_frames(BOARD, shards.pick(np.arange(20))) == lines
    before = shards.path(1).read_bytes()
    shards.path(1).unlink()
    assert run(["generate", "--model", str(model), *map(str, asked[1:]), *map(str, parquet)]) == 0
    assert "12 of 20 climbs are there already" in capsys.readouterr().err
    assert shards.path(1).read_bytes() == before


def test_what_does_not_go_with_shards_is_one_line(model, tmp_path, refused) -> None:
    made = ("generate", "--model", model, "-n", 4, "--format", "parquet")
    there = (*made, "--out", tmp_path / "made")
    assert "needs --out" in refused(*made)
    assert "--best-of does not go" in refused(*there, "--best-of", 2)
    assert "--runtime does not go" in refused(*there, "--runtime", "onnx")
    assert "size 99 is impossible" in refused(*there, "--size", 99)
    assert "--ray goes with" in refused("generate", "--model", model, "--ray", "local")
    assert "--shard goes with" in refused("generate", "--model", model, "--shard", 5)
    assert "unknown format 'parquet'" in refused(
        "complete", "--model", model, "--holds", GIVEN, "--format", "parquet"
    )
    assert not (tmp_path / "made").exists()


def test_a_folder_of_other_climbs_is_left_alone(out, model, tmp_path, refused) -> None:
    there = ("-n", 4, "--format", "parquet", "--out", tmp_path / "made")
    out("generate", *there, "--seed", 1)
    assert "made otherwise" in refused("generate", "--model", model, *there, "--seed", 2)
    assert "made otherwise" in refused("generate", "--model", model, *there, "--seed", 1, "--feet", "none")
