"""Every endpoint does what its description says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from counted import hold_frequency

from setgen.climbing.board import AppIds
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.frames import read_frames, write_frames
from setgen.climbing.grades import parse_grade
from setgen.climbing.prompts import make_prompts
from setgen.climbing.roles import Role
from setgen.climbing.rules import legal
from setgen.climbing.similar import KnownClimbs
from setgen.climbing.sources.moonboard import moonboard
from setgen.climbing.sources.setups import by_id
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.metrics.likelihood import likelihood
from setgen.sets.batch import to_batch

pytestmark = pytest.mark.anyio

CLIMB = "p5r1p16r2p38r2p60r2p104r3"


async def post(client, path: str, **body):
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def holds(climb: dict) -> set[tuple[int, str]]:
    return {(hold["id"], hold["role"]) for hold in climb["holds"]}


async def test_generate_makes_legal_climbs_as_asked(client, model) -> None:
    answer = await post(client, "/v1/generate", angle=40, grade="V5", n=5, size=9, seed=3)
    assert answer["seed"] == 3
    climbs = read_frames(model.board, [climb["frames"] for climb in answer["climbs"]])
    assert climbs.sizes.tolist() == [9] * 5
    assert legal(model.board, climbs).all()
    for climb in answer["climbs"]:
        assert (climb["angle"], climb["grade"], climb["legal"], climb["breaks"]) == (40, "6c", True, [])
        assert climb["sensible"] == (climb["unusual"] == [])
        assert climb["predicted"]["angle"] == 40
    assert len({climb["frames"] for climb in answer["climbs"]}) > 1


async def test_a_seed_that_is_not_given_is_named_and_gives_the_same_again(client) -> None:
    first = await post(client, "/v1/generate", n=2)
    other = await post(client, "/v1/generate", n=2)
    assert first["seed"] != other["seed"]
    assert first == await post(client, "/v1/generate", n=2, seed=first["seed"])


async def test_complete_keeps_what_is_given(client) -> None:
    answer = await post(client, "/v1/complete", holds="G5:start, G16, C3:foot", n=6, seed=1)
    for climb in answer["climbs"]:
        assert {(5, "start"), (16, "middle"), (113, "foot")} < holds(climb)


async def test_complete_finds_the_roles_that_are_left_open(client, model) -> None:
    answer = await post(client, "/v1/complete", holds="G5:?,G16:?", n=12, seed=1)
    found = [dict(holds(climb)) for climb in answer["climbs"]]
    assert all({5, 16} < set(roles) for roles in found)
    assert len({(roles[5], roles[16]) for roles in found}) > 1
    assert all(climb["legal"] for climb in answer["climbs"])
    response = await client.post("/v1/complete", json={"holds": "p5r?", "forbid": "G5:start", "n": 2})
    assert response.status_code == 422
    assert "give its role" in response.text
    response = await client.post("/v1/next", json={"holds": "G5:?"})
    assert response.status_code == 422
    assert "open role" in response.text


@pytest.mark.parametrize("body", [{}, {"holds": "p5r1p16r2"}, {"holds": CLIMB, "keep": [5, 104]}])
async def test_the_best_of_several_draws_are_some_of_them_and_no_worse(client, body) -> None:
    path = "/v1/edit" if "keep" in body else "/v1/complete" if body else "/v1/generate"
    body = {"angle": 40, "grade": "7a", "seed": 5, **body}
    drawn = (await post(client, path, n=32, **body))["climbs"]
    answer = await post(client, path, n=4, best_of=8, **body)
    chosen = answer["climbs"]
    assert answer == await post(client, path, n=4, best_of=8, **body)
    assert len({climb["frames"] for climb in chosen}) == len(chosen) == 4
    assert {climb["frames"] for climb in chosen} <= {climb["frames"] for climb in drawn}

    def worth(climbs):
        return (
            sum(climb["sensible"] for climb in climbs),
            -sum(abs(climb["grade_difference"]) for climb in climbs),
        )

    assert worth(chosen) >= worth(drawn[:4])
    order = [(not climb["sensible"], abs(climb["grade_difference"])) for climb in chosen]
    assert order == sorted(order)


async def test_a_grade_difference_needs_a_grade_that_was_asked_for(client) -> None:
    (climb,) = (await post(client, "/v1/generate", angle=40, n=1))["climbs"]
    assert climb["predicted"]
    assert climb["grade_difference"] is None


async def test_more_draws_than_the_server_makes_are_refused(serving) -> None:
    async with serving(most_draws=40) as client:
        response = await client.post("/v1/generate", json={"n": 8, "best_of": 6})
        assert response.status_code == 422
        assert "48 draws: this server makes 40 at most" in response.text
        assert (await client.post("/v1/generate", json={"n": 8, "best_of": 5})).status_code == 200


async def test_edit_keeps_what_is_to_be_kept_and_the_number_of_holds(client) -> None:
    answer = await post(client, "/v1/edit", holds=CLIMB, keep=[104, 5], angle=50, grade="7a", n=6, seed=1)
    for climb in answer["climbs"]:
        assert {(5, "start"), (104, "finish")} < holds(climb)
        assert len(climb["holds"]) == 5
    assert len({climb["frames"] for climb in answer["climbs"]} - {CLIMB}) > 1
    (longer,) = (await post(client, "/v1/edit", holds=CLIMB, keep=[], size=12, n=1))["climbs"]
    assert len(longer["holds"]) == 12


LAID = {
    "forbid": "p17,G38:middle",
    "region": [0, 0, 100, 200],
    "feet": "none",
    "min_holds": 5,
    "max_holds": 7,
}


async def test_climbs_keep_to_the_limits(client, model) -> None:
    board, names = model.board, model.board.hold_set_names
    for path, body in (
        ("/v1/generate", {}),
        ("/v1/complete", {"holds": "p5r1p16r2"}),
        ("/v1/edit", {"holds": CLIMB, "keep": [5, 16]}),
    ):
        kept = {(5, "start"), (16, "middle")} if body else set()
        answer = await post(client, path, n=32, seed=1, hold_sets=[names[0].upper()], **LAID, **body)
        climbs = [holds(climb) for climb in answer["climbs"]]
        assert len(set(map(frozenset, climbs))) > 8
        for climb, shown in zip(climbs, answer["climbs"], strict=True):
            assert kept <= climb
            assert shown["legal"]
            assert len(climb) <= 7
            assert "foot" not in {role for _, role in climb}
            new = climb - kept
            assert 17 not in {number for number, _ in new}
            assert (38, "middle") not in new
            places = [board.index_of(number) for number, _ in new]
            assert (board.xy[places, 0] <= 100).all()
            assert (board.hold_set[places] == 0).all()
    free = await post(client, "/v1/generate", n=32, seed=1)
    assert any("foot" in {role for _, role in holds(climb)} for climb in free["climbs"])
    near = await post(client, "/v1/generate", n=32, seed=1, reach=20)
    assert [c["holds"] for c in near["climbs"]] != [c["holds"] for c in free["climbs"]]


async def test_an_edit_has_as_many_holds_as_limits_allow(client) -> None:
    for limits, size in (({"max_holds": 4}, 4), ({"min_holds": 9}, 9), ({"forbid": "p17"}, 5)):
        answer = await post(client, "/v1/edit", holds=CLIMB, keep=[5, 104], n=4, **limits)
        assert [len(climb["holds"]) for climb in answer["climbs"]] == [size] * 4


async def test_a_limited_request_is_what_the_package_gives(client, model) -> None:
    body = {"holds": "p5r1p16r2", "n": 6, "seed": 11}
    answer = await post(client, "/v1/complete", **body, **LAID)
    laid = Constraints.parse(model.board, forbid="p17,G38:middle", region="0,0,100,200", feet="none", most=7)
    prompts = make_prompts(model.board, 6, holds="p5r1p16r2")
    expected = write_frames(model.board, model.generator.sample(prompts, seed=11, constraints=laid))
    assert [climb["frames"] for climb in answer["climbs"]] == expected


async def test_next_leaves_out_what_limits_rule_out(client) -> None:
    free = await post(client, "/v1/next", holds="p5r1p16r2", top=100)
    answer = await post(client, "/v1/next", holds="p5r1p16r2", forbid="p38,p27", feet="none", top=100)
    found = {one["id"]: one["probability"] for one in answer["placements"]}
    assert abs(sum(found.values()) - 1) < 1e-9
    assert found.keys() == {one["id"] for one in free["placements"]} - {27, 38}
    assert "foot" in {one["role"] for one in free["top"]}
    assert "foot" not in {one["role"] for one in answer["top"]}
    before = {(one["id"], one["role"]): one["probability"] for one in free["top"]}
    after = {(one["id"], one["role"]): one["probability"] for one in answer["top"]}
    ratios = [after[one] / before[one] for one in after.keys() & before.keys()]
    assert len(ratios) > 20
    assert max(ratios) - min(ratios) < 1e-6  # what is left keeps its proportions
    owed = await post(client, "/v1/next", holds="p5r1p16r2", max_holds=3)
    assert {one["role"] for one in owed["top"]} == {"finish"}


async def test_the_predicted_grade_is_the_grader_s(client, model) -> None:
    answer = await post(client, "/v1/grade", climbs=[{"holds": CLIMB, "angle": 40}, {"holds": "G1"}])
    alone = await post(client, "/v1/grade", climbs=[{"holds": CLIMB}], angles=[20, 40, 60])
    assert alone["climbs"][0]["grades"][1] == answer["climbs"][0]["grades"][0]
    at = [one["difficulty"] for one in alone["climbs"][0]["grades"]]
    assert at == sorted(at)
    assert at[0] < at[2]
    climb = read_frames(model.board, [CLIMB], angle=40)
    grading = model.grader.grade(climb)
    assert answer["climbs"][0]["grades"][0]["difficulty"] == round(float(grading.mean[0]), 3)
    assert parse_grade(answer["climbs"][0]["grades"][0]["grade"]) == grading.median[0]


async def test_score_is_the_package_s_likelihood(client, model) -> None:
    climbs = [{"holds": CLIMB, "angle": 40, "grade": "6c"}, {"holds": "p1r1p14r2p102r3"}]
    answer = await post(client, "/v1/score", climbs=climbs, orders=3, seed=5)
    given = read_frames(
        model.board, [c["holds"] for c in climbs], np.array([40, -1]), np.array([parse_grade("6c"), -1])
    )
    expected = likelihood(model.generator, given, orders=3, seed=5).bits
    found = np.array([climb["bits_per_hold"] for climb in answer["climbs"]])
    assert np.abs(found - expected).max() < 1e-9
    total = np.array([climb["log2_likelihood"] for climb in answer["climbs"]])
    assert np.abs(total + expected * given.sizes).max() < 1e-9


async def test_next_is_the_model_s_distribution(client, model) -> None:
    answer = await post(client, "/v1/next", holds="p5r1p16r2", angle=40, grade="6c", top=100)
    prompt = Climbs.from_list([Climb(((4, 0), (15, 1)), 40, parse_grade("6c"))])
    log_p = model.generator.next_log_probs(to_batch(model.board, prompt))
    expected = log_p.exp()[0].reshape(-1, 4).detach()
    found = {one["id"]: one["probability"] for one in answer["placements"]}
    assert found.keys() == set(model.board.ids.tolist()) - {5, 16}
    assert abs(sum(found.values()) - 1) < 1e-9
    assert abs(found[38] - float(expected[37].sum())) < 1e-9
    chances = [one["probability"] for one in answer["top"]]
    assert len(chances) == 100
    assert chances == sorted(chances, reverse=True)
    assert abs(chances[0] - float(expected.max())) < 1e-9


async def test_next_after_a_full_climb_is_nothing(client, model) -> None:
    most = model.board.limits.holds[1]
    full = "p1r1" + "".join(f"p{i}r2" for i in range(2, most)) + f"p{most}r3"
    assert await post(client, "/v1/next", holds=full) == {"top": [], "placements": []}
    (climb,) = (await post(client, "/v1/complete", holds=full, n=1))["climbs"]
    assert climb["frames"] == full


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ("", "no holds"),
        ("hello", "not a frames string"),
        ("p5r1p99999r2", "hold p99999 is not on this board"),
        ("p5r1p16r9", "role r9 is not one"),
        ("p5r1p5r2", "hold p5 \\(G5\\) is given twice"),
        ("p5r1,x16", "not a frames string"),
        ("p5r1п16r2", "not a frames string"),
    ],
)
async def test_validate_says_why_a_string_cannot_be_read(client, frames, problem) -> None:
    answer = await post(client, "/v1/validate", holds=frames)
    assert not answer["readable"]
    assert answer["climb"] is None
    assert re.search(problem, answer["problem"])


async def test_validate_says_which_rules_are_broken(client) -> None:
    answer = await post(client, "/v1/validate", holds="p5r1p16r2")
    assert answer["readable"]
    assert not answer["climb"]["legal"]
    assert answer["climb"]["breaks"] == ["too few finishes"]
    assert (answer["climb"]["sensible"], answer["climb"]["unusual"], answer["climb"]["predicted"]) == (
        None,
        [],
        None,
    )
    answer = await post(client, "/v1/validate", holds="p1r1p11r1p104r3")
    assert answer["climb"]["legal"]
    assert "starts far apart" in answer["climb"]["unusual"]
    assert not answer["climb"]["sensible"]


async def test_validate_takes_climbs_as_all_endpoints_do(client) -> None:
    names = await post(client, "/v1/validate", holds="G5:start,G16,C3:foot", angle=40, grade="6c")
    assert names["readable"]
    assert names["frames_count"] == 1
    assert {(hold["name"], hold["role"]) for hold in names["climb"]["holds"]} == {
        ("G5", "start"),
        ("G16", "middle"),
        ("C3", "foot"),
    }
    whole = (await post(client, "/v1/validate", holds=CLIMB, angle=40, grade="6c"))["climb"]
    assert whole["grade"] == "6c"
    assert whole["grade_difference"] is not None
    older = (await post(client, "/v1/validate", frames=CLIMB, angle=40, grade="6c"))["climb"]
    assert older == whole


async def test_validate_reads_routes_of_several_frames(client) -> None:
    answer = await post(client, "/v1/validate", holds='p5r1p16r2,"p38r2,"p104r3')
    assert answer["readable"]
    assert answer["frames_count"] == 3
    assert {hold["id"] for hold in answer["climb"]["holds"]} == {5, 16, 38, 104}
    off = await post(client, "/v1/validate", holds='p5r1p16r2,"x16p38r2,p104r3')
    assert not off["readable"]
    assert "switches holds off" in off["problem"]
    assert off["frames_count"] == 3


async def test_pictures_are_pictures(client) -> None:
    query = {"holds": CLIMB, "angle": 40, "grade": "6c"}
    svg = await client.get("/v1/draw.svg", params=query)
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert svg.text.startswith("<svg")
    assert "40° · asked 6c/V5" in svg.text
    png = await client.get("/v1/draw.png", params=query)
    assert png.content.startswith(b"\x89PNG")
    assert png.content != (await client.get("/v1/draw.png")).content


async def test_the_board_is_the_board(client, model) -> None:
    board = (await client.get("/v1/board")).json()
    assert board["synthetic"]
    assert [p["id"] for p in board["placements"]] == model.board.ids.tolist()
    assert [(p["x"], p["y"]) for p in board["placements"]] == [tuple(xy) for xy in model.board.xy.tolist()]
    assert {r["role"]: r["id"] for r in board["roles"]} == {"start": 1, "middle": 2, "finish": 3, "foot": 4}
    assert board["limits"]["holds"] == [2, 35]


async def test_the_model_card_says_how_it_was_made(client, model) -> None:
    card = (await client.get("/v1/model")).json()
    assert card["generator"] == model.generator.name
    assert card["parameters"] == model.generator.n_parameters
    assert card["card"] == model.card
    assert card["grader"]
    assert card["sensible"] == model.rules.to_json()


async def test_health_is_ok_until_a_worker_stops(client) -> None:
    assert (await client.get("/health")).json() == {"status": "ok", "waiting": 0}
    await client.app.state.service.network.stop()
    dead = await client.get("/health")
    assert dead.status_code == 503
    assert "restart" in dead.json()["detail"]


async def test_how_climbs_are_drawn_is_up_to_the_client(client, model) -> None:
    asked = {"angle": 40, "grade": "6c", "n": 3, "seed": 7}
    plain = (await client.post("/v1/generate", json=asked)).json()["climbs"]
    for name, value in {"guidance": 2.0, "top_p": 0.3}.items():
        found = (await client.post("/v1/generate", json=asked | {name: value})).json()["climbs"]
        assert [one["frames"] for one in found] != [one["frames"] for one in plain]
        prompts = Climbs.prompts(3, (), 40, 20)
        drawn = model.generator.sample(prompts, seed=7, **{name: value})
        assert [one["frames"] for one in found] == list(write_frames(model.board, drawn))
    for name, value in {"guidance": -2, "top_p": 0, "calls": 0}.items():
        refused = await client.post("/v1/generate", json=asked | {name: value})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [name]


async def test_what_the_model_does_not_have_is_said(client, serving, model) -> None:
    refused = await client.post("/v1/generate", json={"n": 1, "calls": 4})  # a sweep reveals one hold a call
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "calls"
    assert "one hold per network call" in refused.json()["detail"]
    async with serving(replace(model, generator=hold_frequency(model.board))) as other:
        refused = await other.post("/v1/generate", json={"n": 1, "guidance": 0.5})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "guidance"


async def test_similar_climbs_and_what_differs(client, model) -> None:
    known = model.known.climbs
    climb = known.climb(3)
    (frames,) = write_frames(model.board, known[[3]])
    rest = Climb(climb.holds[1:])
    (fewer,) = write_frames(model.board, Climbs.from_list([rest]))
    found = (
        await client.post("/v1/similar", json={"climbs": [{"holds": frames}, {"holds": fewer}], "n": 2})
    ).json()
    same, other = (one["near"] for one in found["climbs"])
    assert (same[0]["similarity"], same[0]["frames"], same[0]["added"], same[0]["removed"]) == (
        1,
        frames,
        [],
        [],
    )
    assert {"angle": int(climb.angle)} in [{"angle": one["angle"]} for one in same[0]["known"]]
    assert same[1]["similarity"] < 1
    assert other[0]["similarity"] == pytest.approx((len(climb.holds) - 1) / len(climb.holds), abs=1e-4)
    assert [hold["id"] for hold in other[0]["removed"]] == [int(model.board.ids[climb.holds[0][0]])]


async def test_without_known_climbs_nothing_is_similar(serving, model) -> None:
    async with serving(replace(model, known=None)) as client:
        refused = await client.post("/v1/similar", json={"climbs": [{"holds": "p5r1p16r2"}]})
        assert refused.status_code == 501
        assert "--data" in refused.json()["detail"]


async def test_the_board_says_which_placements_are_mirror_images(serving, model) -> None:
    image = np.arange(len(model.board))[::-1].copy()
    image[3] = -1
    board = replace(model.board, mirror=image)
    async with serving(replace(model, generator=hold_frequency(board))) as client:
        found = (await client.get("/v1/board")).json()["placements"]
    assert [one["mirror"] for one in found[:2]] == board.ids[[-1, -2]].tolist()
    assert found[3]["mirror"] is None


@pytest.mark.parametrize(
    "path", ["/", "/page/main.js", "/health", "/v1/board", "/v1/draw.svg", "/openapi.json", "/docs"]
)
async def test_head_is_get_without_its_body(client, path) -> None:
    head, got = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
    assert (await client.head("/v1/generate")).status_code == 405


async def test_convert_reads_every_form_that_the_package_writes_and_writes_it(client, model) -> None:
    names = ("G5:start,G16, G38,G60 G104:finish", "G5:Start\nG16;G38\tG60\nG104:top")
    for text in (CLIMB, *names, f"frames,angle\n{CLIMB},40\n"):
        found = await post(client, "/v1/convert", text=text, grade="6c")
        assert found["text"] == f"{CLIMB}\n"
        [climb] = found["climbs"]
        assert (climb["grade"], climb["legal"], climb["breaks"]) == ("6c", True, [])
        assert climb["angle"] == (40 if "angle" in text else None)


async def test_convert_says_what_cannot_be_read_or_written(client) -> None:
    for sent, field, said in (
        ({"text": "https://example.org/"}, "text", "carries no climb"),
        ({"text": "G5:start,Z99"}, "text", "Z99"),
        ({"text": "01\u00a000 11"}, "text", "not on this board"),
        ({"text": "https://[::1/?forkFrames=p5r1"}, "text", "this is no link"),
        ({"text": "p" * 31_999 + "!"}, "text", "not on this board"),
        ({"text": f"{CLIMB}\nnonsense"}, "text", "line 2"),
        ({"text": CLIMB, "to": "links"}, "to", "boardsesh has no links"),
        ({"text": CLIMB, "to": "moonboard"}, "to", "no MoonBoard"),
        ({"text": CLIMB, "level": 3}, "level", "leds"),
        ({"text": "\n".join([CLIMB] * 65)}, "text", "65 climbs are too many"),
    ):
        response = await client.post("/v1/convert", json=sent)
        assert response.status_code == 422, sent
        assert response.json()["errors"][0]["field"] == field
        assert said in response.json()["detail"]


async def test_whatever_convert_writes_is_read_back(serving, model) -> None:
    kilter = replace(model.board, family="kilter", app=AppIds(layout=1, size=10, sets=(1, 20)))
    walls = {
        kilter: (("app", {}), ("links", {}), ("links", {"site": "climbdex"})),
        moonboard((25, 40), setup=by_id(15)): (("moonboard", {}), ("leds", {}), ("links", {})),
    }
    for wall, forms in walls.items():
        served = replace(model, generator=hold_frequency(wall), rules=None, grader=None, known=None)
        roles = wall.role_ids
        climb = f"p5r{roles[Role.START]}p16r{roles[Role.MIDDLE]}p104r{roles[Role.FINISH]}"
        async with serving(served) as client:
            for form, more in forms:
                made = await post(client, "/v1/convert", text=climb, to=form, angle=40, **more)
                again = await post(client, "/v1/convert", text=made["text"])
                assert again["climbs"][0]["frames"] == climb, (wall.name, form)


async def test_convert_opens_a_climb_in_boardsesh_and_takes_one_from_there(serving, model) -> None:
    kilter = replace(model.board, family="kilter", app=AppIds(layout=1, size=10, sets=(1, 20)))
    kilter = replace(kilter, leds=np.arange(len(kilter)))
    generator = hold_frequency(kilter)
    known = KnownClimbs(kilter, synthetic_climbs(1, 0), np.array(["0" * 31 + "A"]))
    async with serving(replace(model, generator=generator, rules=None, grader=None, known=known)) as client:
        assert (await client.get("/v1/board")).json()["sites"] == ["boardsesh", "climbdex"]
        made = await post(client, "/v1/convert", text=CLIMB, to="links", angle=40, name="Sunday")
        assert made["text"].startswith("https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames=")
        assert (await post(client, "/v1/convert", text=made["text"]))["climbs"][0]["frames"] == CLIMB
        link = f"https://www.boardsesh.com/kilter/1/10/1,20/40/view/{'0' * 31}A"
        assert (await post(client, "/v1/convert", text=link))["climbs"][0]["frames"]
        leds = (await post(client, "/v1/convert", text=CLIMB, to="leds"))["text"]
        assert (await post(client, "/v1/convert", text=leds))["text"] == f"{CLIMB}\n"
        assert (await post(client, "/v1/convert", text=CLIMB, to="leds", level=2))["text"] != leds
        assert "Kilter left" in (await post(client, "/v1/convert", text=CLIMB, to="app"))["note"]


async def test_the_nearest_known_climb_is_named_where_it_is_asked_for(client, model) -> None:
    plain = await post(client, "/v1/generate", n=3, seed=1)
    assert all(climb["near"] is None for climb in plain["climbs"])
    found = await post(client, "/v1/generate", n=3, seed=1, near=True, best_of=2)
    climbs = [{"holds": climb["frames"], "angle": climb["angle"]} for climb in found["climbs"]]
    nearest = await post(client, "/v1/similar", climbs=climbs, n=1)
    assert [climb["near"] for climb in found["climbs"]] == [one["near"][0] for one in nearest["climbs"]]
    assert (await client.get("/v1/model")).json()["known"] == len(model.known.climbs)


async def test_a_part_of_a_climb_is_told_from_a_wrong_one(client) -> None:
    for holds, partial, is_legal in (
        ("p5r1p16r2", True, False),
        ("p5r1p6r1p7r1", False, False),  # too many starts, and no finish
        (CLIMB, False, True),
    ):
        climb = (await post(client, "/v1/validate", holds=holds))["climb"]
        assert (climb["partial"], climb["legal"]) == (partial, is_legal)
        assert (climb["predicted"] is None) == (holds != CLIMB)
