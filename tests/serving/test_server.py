"""A real server: wrong starts are one line, and connections that say nothing, or too little, end."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

import httpx
import pytest
from counted import hold_frequency

from setgen.builtin_model import BUILTIN
from setgen.cli.main import run
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.serving.model import load_models
from setgen.serving.server import listen


def refused(capsys, *arguments: str) -> str:
    assert run(["serve", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_wrong_starts_are_one_clear_line(capsys, tmp_path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in refused(capsys, "--port", port)
    assert "not a folder" in refused(capsys, "--port", "0", "--model", str(tmp_path / "none"))
    assert "not a complete model" in refused(capsys, "--port", "0", "--model", str(tmp_path))
    assert "not a complete dataset" in refused(capsys, "--port", "0", "--data", str(tmp_path))
    for key in ("schlüssel", "two words", " key", "key\n", "🔑"):
        assert "API key must be ASCII" in refused(capsys, "--port", "0", "--api-key", key)
    assert "65535" in refused(capsys, "--port", "99999")
    assert "cannot listen on" in refused(capsys, "--host", "300.1.1.1")


def test_only_this_machine_may_call_unless_told() -> None:
    import inspect

    from setgen.cli.serve import serve

    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"


def test_a_busy_port_is_an_input_error() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(InputError, match="choose another --port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_a_server_answers_over_a_socket(live) -> None:
    server = live()
    answer = httpx.post(f"{server.url}/v1/complete", json={"holds": "p5r1", "n": 2, "seed": 1})
    assert len(answer.json()["climbs"]) == 2
    assert "server" not in answer.headers


def connect(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def seconds_until_closed(connection: socket.socket) -> tuple[float, bytes]:
    began, data = time.monotonic(), b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            data += part
    return time.monotonic() - began, data


@pytest.mark.slow
def test_half_open_connections_end_and_others_are_served(live) -> None:
    server = live(header_seconds=1.0, body_seconds=1.0)
    silent = [connect(server) for _ in range(50)]
    partial = [connect(server) for _ in range(50)]
    for connection in partial:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    began = time.monotonic()
    assert httpx.get(f"{server.url}/health").status_code == 200
    for connection in silent + partial:
        seconds_until_closed(connection)
    assert time.monotonic() - began < 10
    assert not server.server.server_state.connections


@pytest.mark.slow
def test_a_head_that_drips_ends(live) -> None:
    server = live(header_seconds=0.5)
    connection = connect(server)
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        while time.monotonic() - began < 15:
            connection.sendall(b"X")
            time.sleep(0.05)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_second_request_that_stops_halfway_ends_too(live) -> None:
    server = live(header_seconds=0.5)
    connection = connect(server)
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in connection.recv(65536)
    connection.sendall(b"GET /health HTTP/1.1\r\nHost")
    seconds, _ = seconds_until_closed(connection)
    assert seconds < 10


@pytest.mark.slow
def test_a_body_that_stops_halfway_is_answered_and_hung_up_on(live) -> None:
    server = live(body_seconds=0.5)
    connection = connect(server)
    head = b"POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n"
    connection.sendall(head + b'{"n":')
    seconds, answer = seconds_until_closed(connection)
    assert seconds < 10
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer


@pytest.mark.slow
def test_a_client_that_hangs_up_leaves_nothing_behind(live) -> None:
    server = live(client_rows=1024)  # of one client, who may hang up more often than the server notices
    service = server.app.state.service
    body = b'{"n": 64, "size": 35}'
    head = b"POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(12):  # 768 climbs of 35 holds: seconds of work
        connection = connect(server)
        connection.sendall(head + body)
        connection.close()
    began = time.monotonic()
    while b"setgen_requests_cancelled_total 12" not in service.metrics.text():
        assert time.monotonic() - began < 20
        time.sleep(0.05)
    assert service.network.waiting == 0
    assert httpx.post(f"{server.url}/v1/generate", json={"n": 1}, timeout=30).status_code == 200


@pytest.mark.slow
def test_a_client_that_does_not_read_is_let_go(live) -> None:
    server = live(request_seconds=2.0)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", server.port))
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    connection.sendall(ask * 500)  # answers of about 60 kB each, made at once, which nobody reads
    state = server.server.server_state
    began = time.monotonic()
    while not state.tasks:  # until the first is answered
        assert time.monotonic() - began < 20
        time.sleep(0.001)
    while state.connections or state.tasks:
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    assert time.monotonic() - began > 2
    connection.close()
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.slow
def test_connections_beyond_the_limit_are_turned_away_and_the_rest_is_served(live) -> None:
    server = live(connections=20, header_seconds=2.0)
    crowd = [connect(server) for _ in range(40)]
    time.sleep(0.3)
    assert httpx.get(f"{server.url}/health").status_code == 503
    for connection in crowd:
        seconds_until_closed(connection)
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.slow
def test_what_is_no_http_is_answered_and_closed(live) -> None:
    server = live()
    for rubbish in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 100_000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 50_000,
    ):
        connection = connect(server)
        with contextlib.suppress(ConnectionError):
            connection.sendall(rubbish + b"\r\n\r\n")
        connection.close()
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_several_models_have_a_page_an_api_and_a_queue_each(live, model) -> None:
    other = replace(model, generator=hold_frequency(replace(model.board, name="Other Board")), known=None)
    server = live([model, other, other])
    assert server.paths == ["", "boards/other-board-hold-frequency/", "boards/other-board-hold-frequency-2/"]
    for path, name in zip(server.paths, ["synthetic board", "Other Board", "Other Board"], strict=True):
        root = f"{server.url}/{path}"
        assert httpx.get(f"{root}v1/board").json()["name"] == name
        assert "Design a climb" in httpx.get(root).text
        assert httpx.head(f"{root}page/main.js").status_code == 200
        assert len(httpx.post(f"{root}v1/generate", json={"n": 2}).json()["climbs"]) == 2
        assert httpx.get(f"{root}docs").status_code == 200
        assert f"/{path}openapi.json" in httpx.get(f"{root}docs").text
        offered = httpx.get(f"{root}v1/models").json()["models"]
        assert [one["here"] for one in offered] == [one == path for one in server.paths]
        places = [str(httpx.URL(root).join(one["path"])) for one in offered]
        assert places == [f"{server.url}/{one}" for one in server.paths]
    assert httpx.get(f"{server.url}/boards/none/v1/board").status_code == 404


def test_datasets_go_to_the_models_of_their_boards(tmp_path) -> None:
    board = synthetic_board()
    generator = hold_frequency(replace(board, name="Wider", xy=board.xy * 2))
    generator.save(tmp_path / "wide")
    assert run(["data", "synth", "--climbs", "300", "--out", str(tmp_path / "data")]) == 0
    first, second = load_models([tmp_path / "wide", BUILTIN], [tmp_path / "data"])
    assert (first.known, first.grader) == (None, None)
    assert second.known is not None
    for data, said in (([tmp_path / "data"] * 2, "are of the same board"), ([tmp_path / "wide"], "dataset")):
        with pytest.raises(InputError, match=said):
            load_models([tmp_path / "wide", BUILTIN], data)
    with pytest.raises(InputError, match="of another board"):
        load_models([tmp_path / "wide", tmp_path / "wide"], [tmp_path / "data"])
