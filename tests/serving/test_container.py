"""The container file: what can be told of it anywhere, and the image where there is Docker or Podman."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml

from setgen.serving.server import listen

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(f"{name} ")]


def copied() -> list[Path]:
    """What comes from the clone."""
    own = [line for line in instructions("COPY") if not line.startswith("--from")]
    return [ROOT / name for line in own for name in shlex.split(line)[:-1]]


def needed() -> list[str]:
    """The requirements that the image installs, found by its own command."""
    (line,) = [line for line in instructions("RUN") if line.startswith("sed ")]
    command = line.removesuffix("> needed.txt")
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def name_of(requirement: str) -> str:
    match = re.match(r"[a-z0-9-]+", requirement)
    assert match
    return match[0]


def left_out() -> set[str]:
    """Names of the requirements of other uses that the image lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(needed()) < {*project["dependencies"], *extras["serve"]}
    every = {*project["dependencies"], *extras["serve"], *extras["train"], *extras["report"]}
    return {name_of(one) for one in every} - {name_of(one) for one in needed()}


def test_what_is_copied_is_there_and_let_through() -> None:
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert len(copied()) >= 6
    for path in copied():
        assert path.exists()
        assert path.name in allowed
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {ROOT / package for package in packages} < set(copied())


def test_only_what_trains_and_judges_is_left_out() -> None:
    trains = {"hydra-core", "lightning-fabric", "optuna", "psutil", "wandb"}
    assert left_out() == trains | {"jinja2", "plotly", "pot", "scikit-learn"}
    assert any(one.startswith("torch>") for one in needed())


def test_nobody_is_root_and_health_is_asked_for() -> None:
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert "HEALTHCHECK" in TEXT
    assert instructions("EXPOSE") == ["8000"]
    assert not re.search(r"https?://(?!127\.0\.0\.1)", TEXT)


def test_the_compose_file_is_the_same_server() -> None:
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert service["build"] == {"context": ".", "args": {"TORCH_INDEX": "${TORCH_INDEX:-}"}}
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["read_only"]
    assert service["tmpfs"] == ["/tmp"]
    assert set(instructions("ENV")[-1].split()) > {"HOME=/tmp", "MPLCONFIGDIR=/tmp/matplotlib"}


@pytest.mark.slow
def test_its_command_serves_from_what_it_copies_without_what_it_leaves_out(tmp_path) -> None:
    """The very command and health check of the file, on another port."""
    app, blocked = tmp_path / "app", tmp_path / "blocked"
    app.mkdir()
    for path in copied():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, app / path.name)
    blocked.mkdir()
    modules = {"hydra-core": "hydra", "pot": "ot", "scikit-learn": "sklearn"}
    # These are there all the same: torch-geometric needs them.
    banned = [modules.get(name, name) for name in left_out() - {"psutil", "jinja2"}]
    (blocked / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "def seen(cls, name, path=None, target=None):\n"
        f"    return None if name.split('.')[0] in {banned!r} else find(name, path, target)\n"
        "PathFinder.find_spec = classmethod(seen)\n"
    )
    with listen("127.0.0.1", 0) as free:
        port = str(free.getsockname()[1])
    command, check = (json.loads(line.replace("8000", port)) for line in _commands())
    scripts = str(Path(sys.executable).parent)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SETGEN")},
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{blocked}{os.pathsep}{app}",
        "HOME": str(tmp_path),
        "MPLCONFIGDIR": str(tmp_path / "matplotlib"),
    }
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as server:
        try:
            for _ in range(600):
                if not subprocess.run(check, env=environment, cwd=tmp_path, capture_output=True).returncode:
                    break
                assert server.poll() is None
                time.sleep(0.5)
            url = f"http://127.0.0.1:{port}"
            answer = httpx.post(f"{url}/v1/complete", json={"holds": "p5r1", "n": 2}, timeout=30)
            assert len(answer.json()["climbs"]) == 2
            assert answer.json()["climbs"][0]["predicted"]
            assert httpx.get(f"{url}/v1/draw.png", timeout=30).content.startswith(b"\x89PNG")
            assert httpx.get(f"{url}/docs").status_code == 200
        finally:
            server.terminate()
        server.wait(20)
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", int(port)))


def _commands() -> tuple[str, str]:
    """The server's command and the health check's, as JSON."""
    (health,) = instructions("HEALTHCHECK")
    return instructions("CMD")[0], health.split("CMD ", 1)[1]


def engine() -> str | None:
    """docker or podman, if one of them works here."""
    for name in ("docker", "podman"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True).returncode:
            return name
    return None


@pytest.mark.slow
def test_the_image_serves() -> None:
    tool = engine()
    if tool is None:
        pytest.skip("neither docker nor podman works on this machine")
    index = os.environ.get("TORCH_INDEX", "")
    build = [tool, "build", "--build-arg", f"TORCH_INDEX={index}", "-t", "setgen-test", "."]
    subprocess.run(build, cwd=ROOT, check=True)
    run = [
        tool,
        "run",
        "-d",
        "--rm",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "-p",
        "127.0.0.1::8000",
        "setgen-test",
    ]
    name = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        mapped = subprocess.run([tool, "port", name, "8000"], capture_output=True, text=True, check=True)
        url = f"http://{mapped.stdout.split()[0]}"
        transport = httpx.HTTPTransport(retries=5)
        with httpx.Client(transport=transport, base_url=url, timeout=60) as client:
            for _ in range(120):
                try:
                    client.get("/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.5)
            answer = client.post("/v1/complete", json={"holds": "p5r1", "n": 2})
            assert len(answer.json()["climbs"]) == 2
            assert client.get("/v1/draw.png").content.startswith(b"\x89PNG")
        whoami = subprocess.run([tool, "exec", name, "id", "-u"], capture_output=True, text=True)
        assert whoami.stdout.strip() == "10001"
    finally:
        subprocess.run([tool, "kill", name], capture_output=True)
