"""Aurora databases: boards joined by role name, one reason per dropped row, old and broken files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from setgen.climbing.build import import_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.roles import Role
from setgen.climbing.sources.readout import Options
from setgen.errors import InputError

Database = Callable[..., Path]


def frames_of(path: Path, **options: object) -> list[str]:
    dataset = import_dataset(path, Options(**options))  # type: ignore[arg-type]
    return write_frames(dataset.board, dataset.climbs)


def test_every_row_has_exactly_one_reason(database: Database) -> None:
    dataset = import_dataset(database(), Options(size=2))
    assert dataset.card["rows"]["reasons"] == {
        "no grade (kept with --ungraded)": 1,
        "draft (kept with --drafts)": 1,
        "unlisted (kept with --unlisted)": 1,
        "on another layout": 1,
        "a hold lies outside the size": 1,
        "route of several frames (kept with --routes)": 1,
        "frames: unknown role number": 1,
        "frames: hold not on the board": 1,
        "not legal: too many starts": 1,
        "angle that the board does not list": 1,
        "grade outside 4a/V0 to 8c+/V16": 1,
    }
    assert dataset.card["rows"]["read"] == 14
    assert dataset.card["rows"]["kept"] == len(dataset.climbs) == 3
    assert dataset.card["climbs"] == {"read": 13, "kept": 2}
    assert dataset.ids.tolist() == ["AA", "AA", "BB"]
    assert dataset.climbs.angle.tolist() == [20, 40, 40]
    assert dataset.climbs.grade.tolist() == [16, 18, 20]  # round(15.6), round(18.4), 20


def test_roles_are_joined_by_name_not_by_number(database: Database) -> None:
    one = import_dataset(database(), Options(layout=1, size=2))
    two = import_dataset(database(), Options(layout=2))
    assert one.board.role_ids == {Role.START: 1, Role.MIDDLE: 2, Role.FINISH: 3, Role.FOOT: 4}
    assert two.board.role_ids == {Role.START: 5, Role.MIDDLE: 6, Role.FINISH: 7, Role.FOOT: 8}
    assert two.climbs.role.tolist() == [Role.START, Role.MIDDLE, Role.FINISH]
    assert one.board.role_colors[Role.FOOT] == "#000004"
    assert one.board.limits.holds == (2, 10)
    climbs = [(("z", 1, 40, 1, "p100r4p105r3p106r1p109r2", 0, 1), [(40, 1, 20.0, 3.0)])]
    renumbered = database("UPDATE placement_roles SET id = 5 - id WHERE product_id = 4", climbs=climbs)
    dataset = import_dataset(renumbered)
    assert dataset.climbs.role.tolist() == [Role.START, Role.MIDDLE, Role.FOOT, Role.FINISH]


def test_sizes_cut_by_strict_edges_and_by_hold_set(database: Database) -> None:
    path = database()
    assert len(import_dataset(path, Options(size="all")).board) == 16
    assert import_dataset(path, Options(size=2)).board.ids.tolist() == list(range(100, 112))  # y = 40 is out
    wood = [(("z", 1, 40, 1, "p100r1p106r3", 0, 1), [(40, 1, 20.0, 3.0)])]
    board = import_dataset(database(climbs=wood), Options(size=3)).board
    assert board.ids.tolist() == list(range(100, 116, 2))
    assert board.hold_set_names == ("Wood",)


def test_the_default_size_is_the_smallest_that_holds_nearly_all_climbs(database: Database) -> None:
    low = [(("x%d" % i, 1, 40, 1, "p100r1p105r2p110r3", 0, 1), [(40, 1, 20.0, 3.0)]) for i in range(20)]  # noqa: UP031
    high = [(("y", 1, 40, 1, "p100r1p105r2p114r3", 0, 1), [(40, 1, 20.0, 3.0)])]
    few = import_dataset(database(climbs=low + high))
    assert few.card["size"]["id"] == 2
    assert any("several sizes" in w for w in few.card["warnings"])
    many = import_dataset(database(climbs=low + high * 5))
    assert many.card["size"]["id"] == 1


def test_the_layout_with_most_climbs_is_the_default(database: Database) -> None:
    dataset = import_dataset(database())
    assert dataset.card["layout"]["id"] == 1
    assert any("several layouts" in w for w in dataset.card["warnings"])


def test_mirror_is_kept_only_where_every_hold_has_its_image(database: Database) -> None:
    board = import_dataset(database(), Options(layout=1, size=2)).board
    # Even and odd holes are of different sets, and images must be of the same set: none is.
    assert board.mirror is None
    one_set = database("UPDATE placements SET set_id = 1")
    board = import_dataset(one_set, Options(layout=1, size=2)).board
    assert board.mirror is not None
    assert np.allclose(board.xy[board.mirror], [50, 0] + board.xy * [-1, 1])
    assert import_dataset(database(), Options(layout=2)).board.mirror is None


def test_options_let_rows_in(database: Database) -> None:
    path = database()
    base = frames_of(path, size=2)
    assert set(frames_of(path, size=2, routes=True)) - set(base) == {"p101r1p105r2p109r3"}
    assert len(frames_of(path, size=2, drafts=True)) == len(base) + 1
    assert len(frames_of(path, size=2, unlisted=True)) == len(base) + 1
    ungraded = import_dataset(path, Options(size=2, ungraded=True))
    assert len(ungraded.climbs) == len(base) + 1
    assert ungraded.climbs.grade[-1] == -1


def test_options_leave_rows_out(database: Database) -> None:
    path = database()
    assert import_dataset(path, Options(size=2, min_ascents=2)).climbs.angle.tolist() == [20, 40]
    assert import_dataset(path, Options(size=2, min_quality=2.95)).ids.tolist() == ["BB"]
    assert import_dataset(path, Options(size=2, angles=(20,))).climbs.angle.tolist() == [20]
    with pytest.raises(InputError, match="angle 35"):
        import_dataset(path, Options(angles=(35,)))
    with pytest.raises(InputError, match=r"no climb is left of 14 rows .*--min-ascents"):
        import_dataset(path, Options(min_ascents=1000))


def test_ignored_roles_leave_middles_on_a_board_without_starts(database: Database) -> None:
    dataset = import_dataset(database(), Options(size=2, roles="ignore"))
    assert set(dataset.climbs.role.tolist()) == {Role.MIDDLE}
    assert dataset.board.limits.starts == dataset.board.limits.finishes == (0, 0)
    assert "not legal: too many starts" not in dataset.card["rows"]["reasons"]


def test_a_wrong_route_is_reported_not_guessed(database: Database) -> None:
    climbs = [
        (("r1", 1, 40, 2, 'p101r1p109r3,"x105', 0, 1), [(40, 1, 20.0, 3.0)]),
        (("r2", 1, 40, 3, 'p101r1,"p109r3', 0, 1), [(40, 1, 20.0, 3.0)]),
        (("r3", 1, 40, 2, 'p101r1p105r2,"p105r1p109r3', 0, 1), [(40, 1, 20.0, 3.0)]),
    ]
    dataset = import_dataset(database(climbs=climbs), Options(routes=True))
    assert write_frames(dataset.board, dataset.climbs) == ["p101r1p105r2p109r3"]
    assert dataset.card["rows"]["reasons"] == {
        "frames: frames_count disagrees with the frames": 1,
        "frames: switches off a hold that is not lit": 1,
    }
    assert dataset.card["routes"] == {
        "well_formed": 1,
        "with_role_conflicts": 1,
        "holds_in_conflict": 1,
        "with_holds_switched_off": 0,
    }


def test_old_databases_lack_columns_and_tables(database: Database) -> None:
    drops = [f"DROP TABLE {t}" for t in ("products_angles", "product_sizes", "sets", "products", "layouts")]
    columns = [
        "climbs DROP is_draft",
        "climbs DROP frames_count",
        "holes DROP mirrored_hole_id",
        "holes DROP name",
    ]
    path = database(
        "DELETE FROM placement_roles WHERE product_id = 5",
        *drops,
        *(f"ALTER TABLE {c}" for c in columns),
        "ALTER TABLE climb_stats DROP quality_average",
    )
    dataset = import_dataset(path, Options(layout=1))
    assert dataset.board.angles == (20, 35, 40)  # those seen
    assert len(dataset.board) == 16
    assert "p100r1p105r2p110r3" in write_frames(dataset.board, dataset.climbs)


def test_nulls_doubles_and_strays(database: Database) -> None:
    path = database(
        "INSERT INTO climbs VALUES ('AA', 1, 40, 1, 'p100r1p109r3', 0, 1)",  # aa again, in the other case
        "INSERT INTO climbs VALUES ('n1', 1, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO climb_stats VALUES ('N1', 40, NULL, NULL, NULL)",
        "INSERT INTO climb_stats VALUES ('nobody', 40, 1, 20, 3)",
        "INSERT INTO climb_stats VALUES ('bb', 40, 9, 30, 3)",
    )
    card = import_dataset(path, Options(size=2)).card
    assert card["rows"]["reasons"]["a climb and angle listed twice"] == 2
    assert card["rows"]["reasons"]["stats of a climb that the file does not have"] == 1
    assert card["rows"]["reasons"]["frames: no holds"] == 1
    assert card["rows"]["read"] == card["rows"]["kept"] + sum(card["rows"]["reasons"].values())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE climbs", "no table `climbs`"),
        ("DROP TABLE placement_roles", "no table `placement_roles`"),
        ("ALTER TABLE climbs DROP frames", "`climbs` lacks frames"),
        ("DELETE FROM climbs", "empty"),
        ("DELETE FROM placements", "empty"),
        ("DELETE FROM holes", "empty"),
        ("UPDATE placement_roles SET name = 'x'", "names no start"),
        ("UPDATE climbs SET frames = 'junk'", "no climb is left"),
    ],
)
def test_wrong_databases(database: Database, statement: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_dataset(database(statement))
    assert "\n" not in str(caught.value)


def test_an_empty_layout_and_unknown_ids_list_what_there_is(database: Database) -> None:
    path = database("INSERT INTO layouts VALUES (9, 4, 'Bare')")
    with pytest.raises(InputError, match=r"layout 9 .* is empty.*1 \(Original, 12 climbs\)"):
        import_dataset(path, Options(layout=9))
    with pytest.raises(InputError, match=r"no layout 7: it has 1 \(Original.*2 \(Two"):
        import_dataset(path, Options(layout=7))
    with pytest.raises(InputError, match=r"no size 7 .*1 \(full, 16 placements\).*2 \(low"):
        import_dataset(path, Options(layout=1, size=7))


def test_truncated_databases_at_any_length(database: Database, tmp_path: Path) -> None:
    whole = database().read_bytes()
    for length in (20, 99, 100, 4096, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.sqlite3"
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"truncated|damaged"):
            import_dataset(path)


def test_overwritten_pages_are_damage_not_a_crash(database: Database, tmp_path: Path) -> None:
    whole, refusals = database().read_bytes(), []
    for page in range(len(whole) // 4096):
        path = tmp_path / "broken.sqlite3"
        path.write_bytes(whole[: 4096 * page + 100] + b"\xff" * 3996 + whole[4096 * (page + 1) :])
        try:
            read = import_dataset(path).card["rows"]["read"]
        except InputError as error:
            refusals.append(str(error))
        else:  # the page belonged to something that is not read
            assert read > 0
    assert refusals
    assert not any("\n" in message for message in refusals)


DATA = os.environ.get("SETGEN_DATA")


@pytest.mark.skipif(not DATA, reason="SETGEN_DATA is not set")
@pytest.mark.parametrize(("size", "placements"), [(None, 476), (10, 476), (7, 527), ("all", 692)])
def test_real_kilter_sizes(size: object, placements: int) -> None:
    dataset = import_dataset(Path(str(DATA)) / "kilter.sqlite3", Options(size=size))  # type: ignore[arg-type]
    assert len(dataset.board) == placements
    assert dataset.board.mirror is None
    rows = dataset.card["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["reasons"].values())
