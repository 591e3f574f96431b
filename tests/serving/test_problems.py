"""Wrong input is a problem (RFC 9457) that names the field; nothing anyone sends is a 500."""

from __future__ import annotations

import json
from dataclasses import replace

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio

CLIMB = "p5r1p16r2p38r2p60r2p104r3"
NO_FINISH = "".join(f"p{i}r3" for i in range(1, 151))  # every hold, as a finish

WRONG = [
    ("/v1/generate", {"angle": 41}, "angle", "41°"),
    ("/v1/generate", {"angle": 10**400}, "angle", "90"),
    ("/v1/generate", {"angle": "steep"}, "angle", "integer"),
    ("/v1/generate", {"grade": "hard"}, "grade", "unknown grade"),
    ("/v1/generate", {"grade": "8c+"}, "grade", "outside"),
    ("/v1/generate", {"n": 0}, "n", "greater"),
    ("/v1/generate", {"n": 65}, "n", "64"),
    ("/v1/generate", {"size": 36}, "size", "2 to 35"),
    ("/v1/generate", {"seed": -1}, "seed", "greater"),
    ("/v1/generate", {"seed": 2**53}, "seed", "less"),
    ("/v1/generate", {"temperature": -0.5}, "temperature", "greater"),
    ("/v1/generate", {"colour": "red"}, "colour", "not permitted"),
    ("/v1/complete", {}, "holds", "required"),
    ("/v1/complete", {"holds": " "}, "holds", "no holds"),
    ("/v1/complete", {"holds": "p5r1p5r2"}, "holds", "twice"),
    ("/v1/complete", {"holds": "p5r1p6r1p7r1"}, "holds", "3 start"),
    ("/v1/complete", {"holds": "p5r1p999r1"}, "holds", "p999"),
    ("/v1/complete", {"holds": "G5:crimp"}, "holds", "crimp"),
    ("/v1/complete", {"holds": "p5r1p16r2", "size": 2}, "size", "3 to 35"),
    ("/v1/complete", {"holds": "p" * 4001}, "holds", "4000"),
    ("/v1/generate", {"forbid": "p999"}, "forbid", "p999"),
    ("/v1/generate", {"forbid": ""}, "forbid", "no holds are named"),
    ("/v1/generate", {"forbid": "G5:crimp"}, "forbid", "crimp"),
    ("/v1/generate", {"forbid": "p" * 8001}, "forbid", "8000"),
    ("/v1/generate", {"region": [50, 0, 40, 10]}, "region", "empty"),
    ("/v1/generate", {"region": [0, 0, 40]}, "region", "at least 4"),
    ("/v1/generate", {"region": [0, 0, 13, 25]}, "region", "no climb keeps to these constraints"),
    ("/v1/generate", {"hold_sets": ["wood"]}, "hold_sets", "'wood' is not on this board"),
    ("/v1/generate", {"feet": "some"}, "feet", "'any', 'marked' or 'none'"),
    ("/v1/generate", {"min_holds": 9, "max_holds": 8}, "max_holds", "at least 9 and at most 8"),
    ("/v1/generate", {"min_holds": 36}, "min_holds", "no climb keeps"),
    ("/v1/generate", {"max_holds": 0}, "max_holds", "greater"),
    ("/v1/generate", {"max_holds": 8, "size": 9}, "size", "2 to 8"),
    ("/v1/generate", {"max_holds": 2, "feet": "marked"}, "feet", "more than 2 holds"),
    ("/v1/complete", {"holds": "p5r1p16r2", "forbid": "p16"}, "forbid", "p16 is given, and forbidden"),
    ("/v1/complete", {"holds": "p5r1p16r4", "feet": "none"}, "feet", "p16 is given as a foot hold"),
    ("/v1/complete", {"holds": "p5r1p16r2", "max_holds": 2}, "max_holds", "no climb keeps"),
    (
        "/v1/complete",
        {"holds": "p5r1", "feet": "none", "forbid": NO_FINISH},
        "forbid",
        "1 finish",
    ),
    ("/v1/edit", {"holds": CLIMB, "keep": [5, 104], "forbid": "p5"}, "forbid", "p5 is given, and forbidden"),
    ("/v1/next", {"holds": "p5r1p16r2", "forbid": "p16"}, "forbid", "p16 is given, and forbidden"),
    ("/v1/edit", {"holds": CLIMB, "keep": [6]}, "keep", "p6"),
    ("/v1/edit", {"holds": CLIMB, "keep": [5, -1]}, "keep.1", "greater"),
    ("/v1/edit", {"holds": CLIMB}, "keep", "required"),
    ("/v1/next", {"holds": "p5r1", "top": 0}, "top", "greater"),
    ("/v1/score", {"climbs": []}, "climbs", "at least 1"),
    ("/v1/score", {"climbs": [{"holds": CLIMB}, {"holds": "p5r1"}]}, "climbs.1.holds", "too few finishes"),
    ("/v1/score", {"climbs": [{"holds": CLIMB, "grade": "x"}]}, "climbs.0.grade", "unknown"),
    ("/v1/grade", {"climbs": [{"holds": ""}]}, "climbs.0.holds", "no holds"),
    ("/v1/grade", {"climbs": [{"holds": CLIMB}], "angles": [91]}, "angles.0", "90"),
    ("/v1/validate", {"holds": 5}, "holds", "string"),
    ("/v1/validate", {"holds": CLIMB, "angle": 41}, "angle", "41°"),
]


def check(response, status: int) -> dict:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(("path", "body", "field", "text"), WRONG)
async def test_a_wrong_field_is_named(client, path, body, field, text) -> None:
    problem = check(await client.post(path, json=body), 422)
    (error,) = problem["errors"]
    assert error["field"] == field
    assert text in error["detail"]
    assert field in problem["detail"]


async def test_a_wrong_query_is_named(client) -> None:
    problem = check(await client.get("/v1/draw.png", params={"holds": "p5r1p5r1"}), 422)
    assert problem["errors"][0]["field"] == "holds"
    problem = check(await client.get("/v1/draw.svg", params={"angle": "x"}), 422)
    assert problem["errors"][0]["field"] == "angle"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[1]", 422),
        (b"null", 422),
        (b"\xff\xfe", 422),
        (b"[" * 20_000, 400),
        (b'{"holds": "p5r1", "seed": ' + b"9" * 6000 + b"}", 400),
        (b'{"holds": "p5r1", "temperature": NaN}', 422),
        (b'{"holds": "\\ud800:\\udfff"}', 422),
        (b'{"holds": "p5r1\\u0000"}', 422),
        (b'{"\\ud800": 1, "holds": "p5r1"}', 422),
    ],
)
async def test_a_body_that_is_no_request_is_a_problem(client, content, status) -> None:
    headers = {"Content-Type": "application/json"}
    check(await client.post("/v1/complete", content=content, headers=headers), status)


async def test_unknown_paths_and_methods_are_problems(client) -> None:
    check(await client.get("/v1/climbs"), 404)
    assert check(await client.get("/v1/generate"), 405)
    assert (await client.get("/v1/generate")).headers["allow"] == "POST"


async def test_what_nobody_foresaw_is_a_problem_that_names_the_request(client, monkeypatch) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("setgen.serving.routes.design.climbs_out", fail)
    response = await client.post("/v1/generate", json={}, headers={"X-Request-ID": "mine-1"})
    assert "mine-1" in check(response, 500)["detail"]
    assert response.headers["x-request-id"] == "mine-1"


async def test_grading_without_a_grader_is_said(serving, model) -> None:
    async with serving(replace(model, grader=None, rules=None)) as client:
        problem = check(await client.post("/v1/grade", json={"climbs": [{"holds": CLIMB}]}), 501)
        assert "--data" in problem["detail"]
        (climb,) = (await client.post("/v1/generate", json={"n": 1})).json()["climbs"]
        assert climb["predicted"] is None
        assert climb["sensible"] is None
        assert climb["legal"]


ANYTHING = st.one_of(
    st.text(max_size=60),
    st.text('p0123456789rx," \n', max_size=60),
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 6)).map(lambda h: f"p{h[0]}r{h[1]}"), max_size=40
    ).map("".join),
    st.lists(st.sampled_from(["G5", "G5:start", "C1:foot", "g7:finish", ":", "G5:", "é", "💪"])).map(
        ",".join
    ),
)
BODIES = [
    ("/v1/validate", lambda text: {"holds": text}),
    ("/v1/complete", lambda text: {"holds": text, "n": 1, "seed": 0}),
    ("/v1/next", lambda text: {"holds": text}),
    ("/v1/generate", lambda text: {"forbid": text, "n": 1, "seed": 0}),
    ("/v1/grade", lambda text: {"climbs": [{"holds": text, "grade": text[:20]}]}),
    ("/v1/score", lambda text: {"climbs": [{"holds": text}], "orders": 1}),
    ("/v1/edit", lambda text: {"holds": text, "keep": [], "n": 1}),
]


@pytest.mark.parametrize(("path", "body"), BODIES, ids=[path for path, _ in BODIES])
def test_any_text_is_answered(serving, path, body) -> None:
    async def ask(texts: list[str]) -> None:
        async with serving() as client:
            for text in texts:
                content = json.dumps(body(text)).encode()
                headers = {"Content-Type": "application/json"}
                response = await client.post(path, content=content, headers=headers)
                if response.status_code != 200:
                    check(response, 422)

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(ANYTHING, min_size=1, max_size=10))
    def run(texts: list[str]) -> None:
        anyio.run(ask, texts)

    run()
