"""Who may call, and what is noted of it: API key, CORS, request ids, log lines, metrics."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import setgen.serving
from setgen.errors import InputError
from setgen.serving.request_log import JsonLines
from setgen.serving.settings import Settings

pytestmark = pytest.mark.anyio

PROTECTED = ["/v1/board", "/v1/model", "/v1/draw.svg", "/v1/draw.png", "/metrics"]


async def test_without_a_key_everything_is_open(client) -> None:
    for path in PROTECTED:
        assert (await client.get(path)).status_code == 200


async def test_the_description_names_no_other_server(client) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    linked = re.findall(r"""(?:src|href)=["']([^"']*)["']""", page.text)
    assert len(linked) >= 2
    for link in linked:
        assert link.startswith(("/", "data:"))
        if link.startswith("/"):
            assert (await client.get(link)).status_code == 200
    assert (await client.get("/redoc")).status_code == 404


async def test_with_a_key_every_endpoint_but_health_asks_for_it(serving) -> None:
    async with serving(api_key="sesam") as client:
        spec = client.app.openapi()["paths"]
        for path, operations in spec.items():
            for method in operations:
                response = await client.request(method, path, json={} if method == "post" else None)
                if path == "/health":
                    assert response.status_code == 200
                    continue
                assert response.status_code == 401, path
                assert response.headers["www-authenticate"].startswith("Bearer")
                assert response.headers["content-type"] == "application/problem+json"
        for wrong in ("", "sesame", "x" * 5000):
            assert (await client.get("/v1/board", headers={"X-API-Key": wrong})).status_code == 401


async def test_the_key_opens_and_nothing_else_does(serving) -> None:
    async with serving(api_key="open-1") as client:
        for headers in ({"X-API-Key": "open-1"}, {"Authorization": "Bearer open-1"}):
            assert (await client.get("/v1/board", headers=headers)).status_code == 200
            answer = await client.post("/v1/generate", json={"n": 1}, headers=headers)
            assert answer.status_code == 200
        for headers in ({"X-API-Key": "open-2"}, {"Authorization": "Basic open-1"}, {"X-API-Key": "OPEN-1"}):
            assert (await client.get("/v1/board", headers=headers)).status_code == 401


async def test_other_pages_may_call_only_where_they_are_named(serving) -> None:
    asked = {"Origin": "https://wall.example", "Access-Control-Request-Method": "POST"}
    async with serving() as client:
        response = await client.get("/v1/board", headers=asked)
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert (await client.options("/v1/generate", headers=asked)).status_code == 405
    async with serving(cors=("https://wall.example",)) as client:
        response = await client.options("/v1/generate", headers=asked)
        assert response.headers["access-control-allow-origin"] == "https://wall.example"
        asked["Origin"] = "https://other.example"
        response = await client.get("/v1/board", headers=asked)
        assert "access-control-allow-origin" not in response.headers


async def test_a_request_s_id_comes_back_and_into_the_log(client, caplog) -> None:
    caplog.set_level(logging.INFO, "setgen.serving")
    response = await client.get("/v1/board", headers={"X-Request-ID": "climb-42"})
    assert response.headers["x-request-id"] == "climb-42"
    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert line["request_id"] == "climb-42"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/board", 200)
    assert line["level"] == "info"
    assert line["milliseconds"] > 0


@pytest.mark.parametrize("given", ["", "two\twords", "x" * 65, "ümlaut".encode(), b'a"b', b"\xff"])
async def test_an_id_that_is_none_is_replaced(client, given) -> None:
    ids = [(await client.get("/health", headers={"X-Request-ID": given})).headers["x-request-id"]]
    ids.append((await client.get("/health")).headers["x-request-id"])
    assert len(set(ids)) == 2
    assert all(len(one) == 32 for one in ids)


async def test_a_failure_is_logged_with_its_traceback(client, caplog, monkeypatch) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError("who\ndivides")

    monkeypatch.setattr("setgen.serving.routes.design.climbs_out", fail)
    await client.post("/v1/generate", json={"n": 1})
    line = JsonLines().format(caplog.records[-1])
    assert "\n" not in line
    assert "ZeroDivisionError" in json.loads(line)["exception"]
    assert json.loads(line)["level"] == "error"


async def test_metrics_count_what_happened(client) -> None:
    for _ in range(3):
        await client.post("/v1/generate", json={"n": 2})
    await client.post("/v1/generate", json={"n": 0})
    for path in ("/made", "/up"):
        await client.get(path)
    text = (await client.get("/metrics")).text
    found = {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert found["setgen_requests_total", "/v1/generate", "200", "POST"] == 3
    assert found["setgen_requests_total", "/v1/generate", "422", "POST"] == 1
    assert found["setgen_requests_total", "404", "GET", "other"] == 2
    assert found["setgen_request_seconds_count", "/v1/generate"] == 4
    assert found["setgen_call_rows_sum",] == 6
    assert found["setgen_call_jobs_count",] == 3
    assert found["setgen_waiting_rows",] == 0


def test_a_proxy_may_show_the_server_below_a_path(live) -> None:
    """The proxy takes the path off; what the page and the description link to lies below it all the same."""
    with httpx.Client(base_url=live(root_path="/climbs").url) as client:
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/climbs"}]
        docs = client.get("/docs").text
        linked = re.findall(r"""(?:src|href)=["'](/[^"']*)["']""", docs)
        assert linked
        for link in linked:
            assert link.startswith("/climbs/")
            assert client.get(link.removeprefix("/climbs")).status_code == 200
        assert client.get("/v1/board").status_code == 200
        page = client.get("/").text
        assert not re.findall(r"""(?:src|href)=["']/""", page)
    scripts = Path(setgen.serving.__file__).parent / "page"
    assert not [
        path.name for path in scripts.glob("*.js") if re.search(r"""["'`]/(v1|page)""", path.read_text())
    ]


def test_a_root_path_that_is_none_is_refused() -> None:
    for wrong in ("climbs", "/climbs/", "/", "/a b"):
        with pytest.raises(InputError, match="root path"):
            Settings(root_path=wrong)
