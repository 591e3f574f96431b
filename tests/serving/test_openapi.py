"""The OpenAPI document is true: its examples work, and answers are what it says (schemathesis)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from setgen.serving.app import create_app
from setgen.serving.settings import Settings


@pytest.fixture(scope="module")
def app(model):
    return create_app(model, Settings(batch_wait=0.0))


def operations(app):
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.mark.anyio
async def test_every_endpoint_with_a_body_has_examples_that_work(app, client) -> None:
    count = 0
    for method, path, operation in operations(app):
        if "requestBody" not in operation:
            continue
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        assert examples, path
        for name, example in examples.items():
            response = await client.request(method, path, json=example["value"])
            assert response.status_code == 200, (path, name, response.text)
            count += 1
    assert count >= 7


def test_everything_is_described(app) -> None:
    for _, path, operation in operations(app):
        assert len(operation["description"]) > 20, path
        assert {"200", "422", "413", "503"} <= operation["responses"].keys()
        for parameter in operation.get("parameters", []):
            assert parameter["description"]
        for status, answer in operation["responses"].items():
            if status != "200":
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
    schemas = app.openapi()["components"]["schemas"]
    assert {"Problem", "FieldProblem"} <= schemas.keys()
    assert "HTTPValidationError" not in str(app.openapi())


@pytest.mark.parametrize("key", [None, "open-1"])
def test_the_document_asks_for_a_key_where_the_server_does(model, key) -> None:
    spec = create_app(model, Settings(api_key=key)).openapi()
    for path, methods in spec["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (key is not None and path != "/health")


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "open-1"])
def test_no_request_breaks_the_specification(live, key, tmp_path) -> None:
    """Schemathesis: a thousand requests and more, right and wrong ones, against a real server.

    One check is left out, `positive_data_acceptance`: a schema cannot say which holds a board has, so what
    fits the schema may still be refused with a 422. That 413 is a refusal too has to be told.
    """
    refusals = [400, 401, 404, 405, 408, 413, 422, 501, 503]
    (tmp_path / "schemathesis.toml").write_text(
        f"[checks]\nnegative_data_rejection.expected-statuses = {refusals}\n"
    )
    server = live(api_key=key)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    command += ["--checks", "all", "--exclude-checks", "positive_data_acceptance", "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "30", "--no-color"]
    command += ["--request-timeout", "60"]  # the first picture loads matplotlib: seconds on a busy machine
    command += ["--header", f"X-API-Key: {key}"] if key else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
    tried = re.search(r"([\d,]+) generated", done.stdout)
    assert tried, done.stdout[-2000:]
    assert int(tried[1].replace(",", "")) > 1000


def test_operations_have_names_for_clients_that_are_generated(app) -> None:
    names = [operation["operationId"] for _, _, operation in operations(app)]
    assert len(set(names)) == len(names)
    assert {
        "generate",
        "complete",
        "edit",
        "score",
        "grade",
        "similar",
        "validate",
        "convert",
        "board",
        "model",
    } <= set(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_schemas_have_names_for_clients_that_are_generated(app) -> None:
    """Classes inside classes would get names with dots or double underscores, which generators trip over."""
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in app.openapi()["components"]["schemas"])
