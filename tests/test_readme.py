"""What README, CONTRIBUTING, data/README and docs/ tell a reader to do can be done."""

from __future__ import annotations

import functools
import importlib.util
import io
import itertools
import json
import re
import shlex
from pathlib import Path

import pytest
import torch
import typer
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from setgen.cli.main import app, run
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import parse_grade
from setgen.climbing.holds import parse_holds
from setgen.climbing.prompts import make_prompts
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.generators import critic
from setgen.generators.config import GeneratorConfig
from setgen.generators.denoiser import DenoiserConfig
from setgen.generators.masked_set import MaskedSet
from setgen.generators.registry import generator_class, load_generator
from setgen.metrics.metric import metrics_of
from setgen.sets.batch import to_batch
from setgen.sets.dataset import load_dataset
from setgen.training import Options, Training

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "experiments" / "conf"
DOCS = [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
PAGES = {
    name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "data/README.md", *DOCS)
}
README, USING, HOUSE = PAGES["README.md"], PAGES["docs/using.md"], PAGES["docs/house.md"]
# Commands of others, which are not ours to check.
OTHERS = {".", "ln", "ls", "head", "ruff", "mypy", "pip", "pipx", "boardlib", "mkdocs"}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands(script: str) -> list[list[str]]:
    """The words of each command of a shell script; what joins them (&&, |, a new line) is left out."""
    found = []
    for line in script.splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        parts = itertools.groupby(words, key=lambda word: set(word) <= set("&|;<>()"))
        found += [list(part) for joins, part in parts if not joins]
    return found


def inline(page: str) -> list[list[str]]:
    return [shlex.split(code) for code in re.findall(r"`((?:setgen|pytest) [^`]+)`", page)]


WRITTEN = [
    pytest.param(words, id=f"{name}: {' '.join(words)}"[:90])
    for name, page in PAGES.items()
    for words in [c for block in blocks(page, "bash") for c in commands(block)] + inline(page)
]


def setgen_knows(words: list[str]) -> None:
    """Typer parses the words, without running anything; a bare command need only exist."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        if words == ["--help"]:
            return
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    if words:
        command.make_context("setgen", list(words))


def hydra_knows(module: str, words: list[str]) -> None:
    """Every override composes; with -m, every combination does."""
    assert importlib.util.find_spec(module), f"no module {module}"
    sweep = "-m" in words
    name = module.rpartition(".")[2]
    if words[:1] == ["--config-name"]:
        name, words = words[1], words[2:]
    overrides = OverridesParser.create().parse_overrides([w for w in words if w != "-m"])
    choices = []
    for override in overrides:
        assert sweep or not override.is_sweep_override(), f"{override.input_line} needs -m"
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        key = override.get_key_element()
        choices.append([f"{key}={v}" for v in values] if values else [override.input_line])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for chosen in itertools.product(*choices):
            config = compose(name, list(chosen))
            OmegaConf.resolve(config)
            for name in config.get("models", []):
                files = (CONF / "model" / f"{name}.yaml", ROOT / name)
                assert any(path.is_file() for path in files) or name.startswith("runs/")


@pytest.mark.parametrize("words", WRITTEN)
def test_commands_exist(words: list[str]) -> None:
    if words[:4] == ["python", "-m", "pip", "install"]:
        assert words[4:] == ["uv"]
    elif words[:3] == ["python", "-m", "uv"]:
        assert words[3] in ("run", "sync")
        if words[3] == "run":
            test_commands_exist(words[4:])
    elif words[:2] == ["python", "-m"] and words[2].startswith(
        ("experiments.benchmarks.", "experiments.notebook", "experiments.baskets", "experiments.from_scratch")
    ):
        script = importlib.util.find_spec(words[2])
        assert script, f"no module {words[2]}"
        text = Path(str(script.origin)).read_text()
        assert all(f'"{word}"' in text for word in words[3:] if word.startswith("--"))
    elif words[:3] == ["python", "-m", "http.server"]:
        assert words[3] == "--directory"
    elif words[:2] == ["python", "-m"]:
        hydra_knows(words[2], words[3:])
    elif words[0] == "setgen":
        setgen_knows(words[1:])
    elif words[0] == "pytest":
        assert all((ROOT / word).exists() for word in words[1:] if "/" in word)
    else:
        assert words[0] in OTHERS


def test_what_does_not_exist_is_found_out() -> None:
    for wrong in (
        "setgen data eat x --out y",
        "setgen draw --bord x --out y",
        "setgen generate -n 0 --model x",
    ):
        with pytest.raises(Exception, match=r"eat|bord|range"):
            test_commands_exist(wrong.split())
    for wrong in ("train modle=gpt", "train model=gtp", "train seed=0,1", "compare models=[gtp]", "no_such"):
        with pytest.raises(Exception, match=r"modle|gtp|-m|models|yaml|no_such"):
            test_commands_exist(["python", "-m", *f"experiments.{wrong}".split()])
    with pytest.raises(AssertionError):
        test_commands_exist(["setgne"])


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder where the README's dataset and model are, smaller: a counted model of 400 climbs."""
    monkeypatch.chdir(tmp_path)
    dataset = synthetic_dataset(400, 1)
    dataset.save(tmp_path / "data" / "synthetic-20000")
    torch.manual_seed(0)
    model = MaskedSet(dataset.board, DenoiserConfig(width=8, depth=1, heads=1))
    model.fit_counts(dataset.part("train"))
    model.save(tmp_path / "runs" / "mine" / "model")
    return dataset.board


def test_the_python_lines_run(reader, capsys) -> None:
    (lines,) = blocks(README, "python")
    assert len([line for line in lines.splitlines() if line]) == 5
    names: dict = {}
    exec(lines, names)
    climbs = names["climbs"]
    assert capsys.readouterr().out == f"{write_frames(reader, climbs)}\n"
    assert len(climbs) == 8
    assert {(c.angle, c.grade) for c in climbs} == {(40, parse_grade("7a"))}
    given = parse_holds(reader, "p5r1p7r1")
    assert all(set(given) < set(climb.holds) for climb in climbs)


@pytest.mark.slow
def test_the_lines_of_the_critic_run(reader, monkeypatch) -> None:
    """As they stand, but for how long it is taught."""
    few = functools.partial(critic.Schedule, draws=100, steps=4, validations=2)
    monkeypatch.setattr(critic, "Schedule", few)
    (lines,) = blocks(USING, "python")
    names: dict = {}
    exec(lines, names)
    assert len(names["climbs"]) == 8
    assert (names["climbs"].sizes > 0).all()


@pytest.mark.slow
def test_the_commands_of_a_trained_model_run(reader, tmp_path, capsys, monkeypatch) -> None:
    told = [b for b in blocks(USING, "bash") if b.startswith("setgen generate --model runs/mine")]
    assert len(told) == 3
    assert "--best-of" in told[2]
    for line in "\n".join(told).splitlines():
        if line.startswith("python"):
            continue
        out = ""
        for words in commands(line):
            monkeypatch.setattr("sys.stdin", io.StringIO(out))
            assert words[0] == "setgen"
            assert run(words[1:]) == 0
            out = capsys.readouterr().out
    assert len((tmp_path / "new.jsonl").read_text().splitlines()) == 100
    for name in ("scores.csv", "new.png", "four.svg"):
        assert (tmp_path / name).stat().st_size > 1000


def test_other_sets_go_the_way_that_is_told(tmp_path, capsys, monkeypatch) -> None:
    """Files of the kinds that the page shows, imported, generated, completed, scored and judged in its own words."""
    monkeypatch.chdir(tmp_path)
    page, people = PAGES["docs/other-sets.md"], ("ann", "bob", "cy", "dee", "eve", "flo", "gus")
    teams = ["set,item,label,season"]
    for i in range(60):
        team = [people[(i + j * (1 + i % 3)) % 7] for j in range(3 + i % 3)]
        teams += [f"t{i},{who},{'player' if j else 'captain'},{2023 + i % 2}" for j, who in enumerate(team)]
    Path("teams.csv").write_text("\n".join([*teams, "t60,,player,2024"]))
    groups = "".join(f"{who},{i},0,{'juniors' if i % 2 else 'seniors'}\n" for i, who in enumerate(people))
    Path("places.csv").write_text("item,x,y,group\n" + groups)
    Path("shop.txt").write_text("bread,butter,milk\nbeer,crisps\n\nbread,jam\n" * 20)
    told = [c for block in blocks(page, "bash") for c in commands(block) if c[0] == "setgen"]
    for words in (c for c in told if c[1] == "data"):
        assert run(words[1:]) == 0
    said = capsys.readouterr().out
    assert "an item without a name" in said
    assert "an empty line" in said
    dataset = load_dataset("data/teams")
    assert dataset.space.conditions.keys() == {"season"}
    assert (tmp_path / "data" / "teams" / "space.json").is_file()
    torch.manual_seed(0)
    model = MaskedSet(dataset.space, DenoiserConfig(width=8, depth=1, heads=1))
    model.fit_counts(dataset.part("train"))
    model.save(tmp_path / "runs" / "teams" / "model")
    for words in (c for c in told if c[1] in ("generate", "complete", "score") and "--runtime" not in c):
        assert run(words[1:]) == 0
    completed = [line.split(",") for line in capsys.readouterr().out.split()]
    assert len(completed) == 4
    for items in completed:
        assert "ann:captain" in items
        assert not any(item.startswith("cy:") for item in items)
    assert {json.loads(line)["season"] for line in Path("new.jsonl").read_text().splitlines()} == {"2024"}
    exec(blocks(page, "python")[0], {})
    assert "item usage" in capsys.readouterr().out


def test_the_metrics_in_the_table_are_metrics() -> None:
    """By their names, or by what stands before the bracket: `recall` for `recall (shape)`."""
    known: dict[str, set[str]] = {}
    for m in metrics_of(synthetic_board()).values():
        for name in (m.name, m.name.partition(" (")[0]):
            known.setdefault(name, set()).add(m.direction)
    rows = re.findall(r"^\| (`.*?) \| (.) \| (.*) \|$", PAGES["docs/numbers.md"], re.MULTILINE)
    assert rows
    for names, direction, text in rows:
        for name in re.findall(r"`([^`]+)`", names):
            assert known[name] == {direction}, name
        assert all(name in known for name in re.findall(r"`([^`]+)`", text))


def test_every_model_and_every_folder_is_named() -> None:
    for config in (CONF / "model").glob("*.yaml"):
        assert f"`{config.stem}`" in README
        assert f"`{config.stem}`" in PAGES["docs/experiments.md"]
    for folder in (p.parent for p in (ROOT / "setgen").glob("*/__init__.py")):
        assert f"`setgen/{folder.name}/`" in HOUSE
    for page in DOCS:
        assert page == "docs/index.md" or f"({page})" in README


def test_the_front_door_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_model_of_the_house_is_a_generator(tmp_path, monkeypatch) -> None:
    """The one module that the page shows, from outside the repository: it trains, draws and comes back."""
    (module,) = blocks(HOUSE, "python")
    (tmp_path / "weights.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    dataset = synthetic_dataset(300, 1)
    sets = dataset.part("train")
    generator = generator_class("weights:Weights")(dataset.board, GeneratorConfig())
    generator.fit_counts(sets)
    batch = to_batch(dataset.board, sets)
    with torch.no_grad():
        before = generator.loss(batch)
    Training(generator, sets, dataset.part("valid"), Options(steps=30, learning_rate=0.1)).run()
    with torch.no_grad():
        assert generator.loss(batch) < before - 0.1
    generator.save(tmp_path / "model")
    with pytest.raises(InputError, match="foreign"):
        load_generator(tmp_path / "model")
    prompts = make_prompts(dataset.board, 5, holds="p5r1p7r1")
    drawn = load_generator(tmp_path / "model", foreign=True).sample(prompts, seed=0)
    assert write_frames(dataset.board, drawn) == write_frames(
        dataset.board, generator.sample(prompts, seed=0)
    )


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name) -> None:
    page, here = PAGES[name], (ROOT / name).parent
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", page):
        assert (here / link).exists(), link
    for path in re.findall(
        r"[`\n]((?:setgen|baselines|tests|experiments|notebooks|docs|\.ci)/[\w./-]*)", page
    ):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_checks_run_the_readme_s_own_words() -> None:
    """`.ci/run` takes the one line that sets up and runs the tests."""
    (pattern,) = re.findall(r"grep -E '([^']+)' README\.md", (ROOT / ".ci" / "run").read_text())
    (line,) = re.findall(pattern + ".*", README, re.MULTILINE)
    assert any(line in block for block in blocks(README, "bash"))
