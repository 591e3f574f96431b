"""Limits: a body too large or too slow, an answer too late, a full server, a client that leaves."""

from __future__ import annotations

import asyncio
import json
import threading

import httpx
import pytest

from setgen.serving.calls import Sample
from setgen.serving.limits import Limits
from setgen.serving.settings import Settings

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def held(monkeypatch):
    """Network calls that draw climbs wait until the event is set; `held.calls` counts them."""
    go, run = threading.Event(), Sample.run
    go.calls = 0

    def wait(self, model, works):
        go.calls += 1
        assert go.wait(120)
        return run(self, model, works)

    monkeypatch.setattr(Sample, "run", wait)
    yield go
    go.set()


async def until(condition) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_body_that_announces_too_much_is_refused(serving) -> None:
    async with serving(body_bytes=100) as client:
        small = json.dumps({"n": 1}).encode()
        assert (await client.post("/v1/generate", content=small, headers=JSON)).status_code == 200
        response = await client.post("/v1/generate", content=small + b" " * 100, headers=JSON)
        assert response.status_code == 413
        assert "100 bytes" in response.json()["detail"]


async def test_a_body_that_grows_too_large_is_refused(serving) -> None:
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 50
            yield b" " * 50

    async with serving(body_bytes=1000) as client:
        response = await client.post("/v1/generate", content=endless(), headers=JSON)
        assert response.status_code == 413
        assert sent < 3000


async def test_a_body_that_does_not_come_is_given_up(serving) -> None:
    async def slow():
        yield b"{"
        await asyncio.sleep(60)

    async with serving(body_seconds=0.1) as client:
        response = await client.post("/v1/generate", content=slow(), headers=JSON)
        assert response.status_code == 408
        assert response.headers["connection"] == "close"


@pytest.mark.slow
async def test_an_answer_that_is_late_is_given_up_and_frees_its_work(serving, held) -> None:
    async with serving(request_seconds=3.0) as client:
        service = client.app.state.service
        first = asyncio.ensure_future(client.post("/v1/generate", json={"n": 1}))
        await until(lambda: held.calls == 1)
        second = asyncio.ensure_future(client.post("/v1/generate", json={"n": 3}))
        await until(lambda: service.network.waiting == 3)
        for response in await asyncio.gather(first, second):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert "longer than 3 seconds" in response.json()["detail"]
        assert service.network.waiting == 0
        held.set()
        await until(lambda: b"setgen_call_jobs_count 1.0" in service.metrics.text())
        assert service.alive
        assert held.calls == 1


async def test_a_full_server_says_come_back_and_recovers(serving, held) -> None:
    async with serving(waiting_rows=10) as client:
        service = client.app.state.service
        taken = [asyncio.ensure_future(client.post("/v1/generate", json={"n": 1}))]
        await until(lambda: held.calls == 1)
        for waiting in (6, 10):
            body = {"n": waiting - service.network.waiting}
            taken.append(asyncio.ensure_future(client.post("/v1/generate", json=body)))
            await until(lambda waiting=waiting: service.network.waiting == waiting)
        refused = await asyncio.gather(*(client.post("/v1/generate", json={"n": 1}) for _ in range(20)))
        for response in refused:
            assert response.status_code == 503
            assert 1 <= int(response.headers["retry-after"]) <= 60
            assert response.headers["content-type"] == "application/problem+json"
        assert (await client.get("/health")).json()["waiting"] == 10
        held.set()
        assert [r.status_code for r in await asyncio.gather(*taken)] == [200] * 3
        assert (await client.post("/v1/generate", json={"n": 1})).status_code == 200
        assert b"setgen_requests_refused_total 20.0" in service.metrics.text()


async def test_a_client_with_too_much_waiting_is_told_so_and_others_are_served(serving, held) -> None:
    async with serving(waiting_rows=20, client_rows=8) as client:
        service = client.app.state.service
        other = httpx.ASGITransport(app=client.app, client=("192.0.2.7", 1))
        taken = [asyncio.ensure_future(client.post("/v1/generate", json={"n": 1}))]
        await until(lambda: held.calls == 1)
        taken.append(asyncio.ensure_future(client.post("/v1/generate", json={"n": 7})))
        await until(lambda: service.network.waiting == 7)
        for path, body in (("/v1/generate", {"n": 2}), ("/v1/edit", {"holds": "p5r1", "keep": [], "n": 4})):
            response = await client.post(path, json=body)
            assert response.status_code == 429
            assert 1 <= int(response.headers["retry-after"]) <= 60
            assert response.headers["content-type"] == "application/problem+json"
            assert "your requests" in response.json()["detail"]
        async with httpx.AsyncClient(transport=other, base_url="http://setgen") as neighbour:
            taken.append(asyncio.ensure_future(neighbour.post("/v1/generate", json={"n": 12})))
            await until(lambda: service.network.waiting == 19)
            held.set()
            assert [r.status_code for r in await asyncio.gather(*taken)] == [200] * 3
        assert (await client.post("/v1/generate", json={"n": 8})).status_code == 200


async def test_a_client_that_leaves_frees_its_work(serving, held) -> None:
    """Spoken in ASGI itself: httpx cannot hang up."""
    async with serving() as client:
        service = client.app.state.service
        busy = asyncio.ensure_future(client.post("/v1/generate", json={"n": 1}))
        await until(lambda: held.calls == 1)
        gone = asyncio.Event()
        body = [{"type": "http.request", "body": b'{"n": 7}', "more_body": False}]
        sent = []

        async def receive():
            if body:
                return body.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": "/v1/generate",
            "raw_path": b"/v1/generate",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "client": ("127.0.0.1", 9),
            "server": ("setgen", 80),
        }
        request = asyncio.ensure_future(client.app(scope, receive, send))
        await until(lambda: service.network.waiting == 7)
        gone.set()
        await asyncio.wait_for(request, 20)
        assert sent == []
        assert service.network.waiting == 0
        held.set()
        assert (await busy).status_code == 200
        assert held.calls == 1
        assert b"setgen_requests_cancelled_total 1.0" in service.metrics.text()


async def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        while not messages:
            await asyncio.sleep(60)
        return messages.pop()

    async def send(message):
        pass

    scope = {"type": "http", "headers": [], "method": "GET", "path": "/"}
    with pytest.raises(TimeoutError, match="too slowly"):
        await asyncio.wait_for(Limits(app, Settings(request_seconds=0.1))(scope, receive, send), 20)


async def test_scores_that_would_take_too_long_are_refused(serving) -> None:
    async with serving(score_holds=12) as client:
        climbs = [{"holds": "p5r1p16r2p104r3"}] * 2
        assert (await client.post("/v1/score", json={"climbs": climbs, "orders": 2})).status_code == 200
        response = await client.post("/v1/score", json={"climbs": climbs, "orders": 3})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "orders"
        assert "12 at most" in response.json()["detail"]


async def test_a_server_may_allow_fewer_climbs(serving) -> None:
    async with serving(most_climbs=2) as client:
        assert (await client.post("/v1/generate", json={"n": 2})).status_code == 200
        for path, body, field in (
            ("/v1/generate", {"n": 3}, "n"),
            ("/v1/score", {"climbs": [{"holds": "p5r1p104r3"}] * 3}, "climbs"),
            ("/v1/grade", {"climbs": [{"holds": "p5r1p104r3"}] * 3}, "climbs"),
        ):
            response = await client.post(path, json=body)
            assert response.status_code == 422
            assert response.json()["errors"][0]["field"] == field
