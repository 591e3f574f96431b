"""Vocabulary: tokens of five types, exact there and back, clear errors."""

import json

import numpy as np
import pytest
import torch

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import Role
from setgen.dataset.batches import to_batch
from setgen.dataset.vocabulary import END, PAD, TokenType, Vocabulary
from setgen.errors import InputError


def wall(roles=(Role.START, Role.MIDDLE, Role.FINISH, Role.FOOT)) -> Board:
    return Board(
        name="wall",
        family="test",
        ids=np.array([3, 5, 8, 13, 21, 34]),
        xy=np.arange(12.0).reshape(6, 2),
        hold_set=np.zeros(6, dtype=np.int64),
        hold_set_names=("all",),
        hole_names=tuple("ABCDEF"),
        role_ids={role: 41 + int(role) for role in roles},
        role_colors=dict.fromkeys(roles, "#000000"),
        angles=(20, 40),
        grades=(15, 16, 22),
    )


CLIMBS = Climbs.from_list(
    [
        Climb(((4, 0), (1, 1), (5, 2)), 40, 22),
        Climb(((0, 3), (2, 0)), -1, 16),
        Climb((), 20, -1),
        Climb(((3, 1),)),
    ]
)


def same(a: Climbs, b: Climbs) -> bool:
    return list(a) == list(b)


def test_a_climb_reads_angle_grade_hold_role_end():
    vocabulary = Vocabulary.of(wall())
    ids = vocabulary.encode(CLIMBS[[0]])[0].tolist()
    assert vocabulary.text(ids) == "a40 d22 p21 r41 p5 r42 p34 r43 end"
    assert vocabulary.parse("a40 d22 p21 r41 p5 r42 p34 r43 end") == ids


def test_five_types_cover_all_tokens_once():
    vocabulary = Vocabulary.of(wall())
    assert len(set(vocabulary.tokens)) == len(vocabulary) == 4 + 6 + 4 + 2 + 3
    assert np.bincount(vocabulary.types).tolist() == [4, 6, 4, 2, 3]
    for kind, first in vocabulary.first.items():
        assert vocabulary.types[first] == kind
    assert {vocabulary.tokens[i][0] for i in np.flatnonzero(vocabulary.types == TokenType.GRADE)} == {"d"}


def test_decode_inverts_encode():
    vocabulary = Vocabulary.of(wall())
    assert same(vocabulary.decode(vocabulary.encode(CLIMBS)), CLIMBS)


def test_a_batch_encodes_as_its_climbs():
    board = wall()
    vocabulary = Vocabulary.of(board)
    assert torch.equal(vocabulary.encode_batch(to_batch(board, CLIMBS)), vocabulary.encode(CLIMBS))


def test_a_prompt_without_end_decodes():
    vocabulary = Vocabulary.of(wall())
    ids = torch.tensor([vocabulary.parse("any-angle d15 p3 r41 pad pad")])
    assert same(vocabulary.decode(ids), Climbs.from_list([Climb(((0, 0),), -1, 15)]))


def test_board_with_fewer_roles():
    vocabulary = Vocabulary.of(wall((Role.START, Role.FINISH)))
    climbs = Climbs.from_list([Climb(((0, 0), (1, 2)), 20, 15)])
    assert same(vocabulary.decode(vocabulary.encode(climbs)), climbs)
    with pytest.raises(InputError, match="unknown role foot"):
        vocabulary.encode(Climbs.from_list([Climb(((0, 3),), 20, 15)]))


@pytest.mark.parametrize(
    ("climb", "what"),
    [
        (Climb(((6, 0),)), "unknown hold"),
        (Climb(((-1, 0),)), "unknown hold"),
        (Climb(((0, 4),)), "unknown role"),
        (Climb((), 30, 15), "unknown angle 30"),
        (Climb((), 20, 17), "unknown difficulty id 17"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_one_clear_line(climb, what):
    with pytest.raises(InputError, match=what) as error:
        Vocabulary.of(wall()).encode(Climbs.from_list([climb]))
    assert "\n" not in str(error.value)


def test_unknown_token_and_id():
    vocabulary = Vocabulary.of(wall())
    with pytest.raises(InputError, match="unknown token 'p4'"):
        vocabulary.parse("a40 d22 p4 r41")
    for ids in ([len(vocabulary)], [-1]):
        with pytest.raises(InputError, match="unknown token id"):
            vocabulary.text(ids)
        with pytest.raises(InputError, match="unknown token id"):
            vocabulary.decode(torch.tensor([ids]))


@pytest.mark.parametrize(
    "text",
    [
        "d22 a40 end pad pad",
        "a40 d22 r41 p3 end",
        "a40 d22 p3 end pad",
        "a40 d22 p3 p5 end",
        "a40 end pad pad pad",
        "any-grade any-angle p3 r41 end",
    ],
)
def test_what_does_not_read_as_a_climb_is_refused(text):
    vocabulary = Vocabulary.of(wall())
    with pytest.raises(InputError, match="not a climb"):
        vocabulary.decode(torch.tensor([vocabulary.parse(text)]))


def test_save_and_load(tmp_path):
    vocabulary = Vocabulary.of(wall())
    vocabulary.save(tmp_path / "tokenizer.json")
    loaded = Vocabulary.load(tmp_path / "tokenizer.json")
    assert loaded == vocabulary
    assert loaded.tokens == vocabulary.tokens
    assert (loaded.tokens[PAD], loaded.tokens[END]) == ("pad", "end")


def test_bad_files_are_one_clear_line(tmp_path):
    path = tmp_path / "tokenizer.json"
    Vocabulary.of(wall()).save(path)
    good = json.loads(path.read_text())
    bad = {
        "newer": json.dumps(good | {"format": 99}),
        "complete": json.dumps({k: v for k, v in good.items() if k != "roles"}),
        "not a complete": json.dumps(good)[:40],
        "wrote": json.dumps([1, 2]),
        "special": json.dumps(good | {"special": ["pad"]}),
    }
    for message, text in bad.items():
        path.write_text(text)
        with pytest.raises(InputError, match=message) as error:
            Vocabulary.load(path)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="cannot read"):
        Vocabulary.load(tmp_path / "missing.json")
    with pytest.raises(InputError, match="cannot write"):
        Vocabulary.of(wall()).save(tmp_path / "no" / "folder.json")
