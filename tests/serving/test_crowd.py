"""The same seed gives the same climbs, alone and in a crowd; the crowd shares network calls."""

from __future__ import annotations

import asyncio

import pytest

from setgen.climbing.frames import write_frames
from setgen.climbing.prompts import make_prompts

pytestmark = pytest.mark.anyio

REQUESTS = [
    ("/v1/complete", {"holds": "p5r1p16r2", "angle": 40, "grade": "6c", "n": 3, "seed": 1}),
    ("/v1/complete", {"holds": "p104r3", "n": 5, "seed": 1}),
    ("/v1/complete", {"holds": "p5r1p16r?p38r?", "n": 3, "seed": 1}),
    ("/v1/complete", {"holds": "p104r3", "n": 2, "seed": 2}),
    ("/v1/generate", {"angle": 20, "grade": "7a", "n": 4, "seed": 1}),
    ("/v1/generate", {"n": 1, "size": 20, "seed": 9}),
    ("/v1/generate", {"n": 2, "size": 4, "seed": 9, "temperature": 0.5}),
    ("/v1/edit", {"holds": "p5r1p16r2p104r3", "keep": [104], "n": 3, "seed": 1}),
    ("/v1/complete", {"holds": "p5r1p16r2", "n": 3, "seed": 1, "forbid": "p17,p38", "feet": "none"}),
    ("/v1/complete", {"holds": "p104r3", "n": 3, "seed": 4, "forbid": "p17,p38", "feet": "none"}),
    ("/v1/generate", {"n": 2, "seed": 1, "max_holds": 6, "region": [0, 0, 90, 200]}),
    ("/v1/next", {"holds": "p5r1p16r2", "forbid": "p38"}),
    ("/v1/next", {"holds": "p5r1p16r2"}),
    ("/v1/next", {"holds": "", "angle": 60}),
    ("/v1/grade", {"climbs": [{"holds": "p5r1p16r2p104r3", "angle": 40}]}),
    ("/v1/grade", {"climbs": [{"holds": "p5r1p60r2p104r3"}], "angles": [20, 60]}),
    ("/v1/score", {"climbs": [{"holds": "p5r1p16r2p104r3"}], "seed": 3}),
]


def close(one, other) -> bool:
    """Equal, numbers up to what the last digits of a sum may do."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return abs(one - other) < 1e-3 if isinstance(one, float) else one == other


async def test_answers_do_not_depend_on_who_else_asks(serving) -> None:
    async with serving(batch_wait=0.0) as client:
        alone = [await client.post(path, json=body) for path, body in REQUESTS]
    async with serving(batch_wait=0.3) as client:
        crowd = await asyncio.gather(
            *(client.post(path, json=body) for path, body in [*REQUESTS, *reversed(REQUESTS)])
        )
        text = client.app.state.service.metrics.text().decode()
    for i, answer in enumerate(alone):
        for other in (crowd[i], crowd[-1 - i]):
            assert other.status_code == answer.status_code == 200
            assert close(other.json(), answer.json()), REQUESTS[i]
            if "climbs" in answer.json() and "seed" in answer.json():
                frames = [[c["frames"] for c in a.json()["climbs"]] for a in (answer, other)]
                assert frames[0] == frames[1]
    calls = float(text.split("setgen_call_jobs_count ")[1].split()[0])
    jobs = float(text.split("setgen_call_jobs_sum ")[1].split()[0])
    assert jobs == 2 * len(REQUESTS)
    assert calls <= jobs / 2


async def test_a_request_is_what_the_package_gives(client, model) -> None:
    body = {"holds": "p5r1p16r2", "angle": 40, "grade": "6c", "n": 8, "seed": 11}
    answer = (await client.post("/v1/complete", json=body)).json()
    prompts = make_prompts(model.board, 8, holds="p5r1p16r2", angle=40, grade="6c")
    expected = write_frames(model.board, model.generator.sample(prompts, seed=11))
    assert [climb["frames"] for climb in answer["climbs"]] == expected


async def test_fewer_of_a_seed_are_the_first_of_more(client) -> None:
    few, many = [
        (await client.post("/v1/generate", json={"n": n, "seed": 5})).json()["climbs"] for n in (2, 6)
    ]
    assert [c["frames"] for c in few] == [c["frames"] for c in many[:2]]
