"""The vocabulary: climbs as sequences of tokens of five types, for models that read sequences.

A climb reads `angle grade hold role hold role … end`, for example `a40 d22 p7 r12 p9 r13 p11 r14 end`:
angle in degrees, difficulty id, then the board's own placement and role numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.grades import UNKNOWN
from setgen.boards.roles import N_ROLES, Role
from setgen.dataset.batches import ClimbBatch
from setgen.errors import InputError

FORMAT = 1
SPECIAL = ("pad", "end", "any-angle", "any-grade")
PAD, END, ANY_ANGLE, ANY_GRADE = range(len(SPECIAL))


class TokenType(IntEnum):
    SPECIAL = 0
    HOLD = 1
    ROLE = 2
    ANGLE = 3
    GRADE = 4


@dataclass(frozen=True)
class Vocabulary:
    """Token ids run through the types in this order: special, holds, roles, angles, grades.

    holds: the board's placement ids, in index order. roles: label → the board's role number, in code
    order. angles: degrees. grades: difficulty ids. `any-angle` and `any-grade` stand where a condition
    is not given.
    """

    holds: tuple[int, ...]
    roles: tuple[tuple[str, int], ...]
    angles: tuple[int, ...]
    grades: tuple[int, ...]

    @classmethod
    def of(cls, board: Board) -> Vocabulary:
        return cls(
            tuple(board.ids.tolist()),
            tuple((role.label, board.role_ids[role]) for role in Role if role in board.role_ids),
            board.angles,
            board.grades,
        )

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Every token's text, by id."""
        return (
            *SPECIAL,
            *(f"p{i}" for i in self.holds),
            *(f"r{number}" for _, number in self.roles),
            *(f"a{angle}" for angle in self.angles),
            *(f"d{grade}" for grade in self.grades),
        )

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    @cached_property
    def first(self) -> dict[TokenType, int]:
        """The lowest id of each type."""
        counts = (len(SPECIAL), len(self.holds), len(self.roles), len(self.angles), len(self.grades))
        return dict(zip(TokenType, np.cumsum((0, *counts[:-1])).tolist(), strict=True))

    @cached_property
    def types(self) -> np.ndarray:
        """(len,) the TokenType of each id."""
        return np.searchsorted(list(self.first.values()), np.arange(len(self)), side="right") - 1

    @cached_property
    def role_tokens(self) -> np.ndarray:
        """(4,) token id of each Role; PAD for a role that the board does not have."""
        place = {label: i for i, (label, _) in enumerate(self.roles)}
        return np.array(
            [self.first[TokenType.ROLE] + place[r.label] if r.label in place else PAD for r in Role]
        )

    def parse(self, text: str) -> list[int]:
        """Token ids of space-separated tokens. Raises InputError for a token that is not in here."""
        unknown = [token for token in text.split() if token not in self._id_of]
        if unknown:
            raise InputError(
                f"unknown token {unknown[0]!r}: tokens are p<hold> r<role> a<angle> d<difficulty id> of this "
                f"board, and {', '.join(SPECIAL)}"
            )
        return [self._id_of[token] for token in text.split()]

    def text(self, ids: Sequence[int]) -> str:
        """The inverse of `parse`. Raises InputError for an id that is not in here."""
        bad = [i for i in ids if not 0 <= i < len(self)]
        if bad:
            raise InputError(f"unknown token id {bad[0]}: this vocabulary has {len(self)} tokens")
        return " ".join(self.tokens[i] for i in ids)

    def encode(self, climbs: Climbs) -> Tensor:
        """(C, 3 + 2L) int64 token ids, padded right; L is the largest size.

        Raises InputError for a hold, role, angle or grade that this vocabulary does not know.
        """
        length = int(climbs.sizes.max(initial=0))
        present = np.arange(length) < climbs.sizes[:, None]
        hold = np.full(present.shape, PAD)
        role = np.full(present.shape, PAD)
        if len(wrong := climbs.placement[(climbs.placement < 0) | (climbs.placement >= len(self.holds))]):
            raise InputError(f"unknown hold: index {wrong[0]} is outside this vocabulary's {len(self.holds)}")
        hold[present] = self.first[TokenType.HOLD] + climbs.placement.astype(np.int64)
        in_range = (climbs.role >= 0) & (climbs.role < N_ROLES)
        codes = np.where(in_range, self.role_tokens[np.where(in_range, climbs.role, 0)], PAD)
        if len(wrong := climbs.role[codes == PAD]):
            name = Role(wrong[0]).label if 0 <= wrong[0] < N_ROLES else wrong[0]
            raise InputError(f"unknown role {name}: this board has {', '.join(r for r, _ in self.roles)}")
        role[present] = codes
        angle = self._condition(climbs.angle, self.angles, TokenType.ANGLE, ANY_ANGLE)
        grade = self._condition(climbs.grade, self.grades, TokenType.GRADE, ANY_GRADE)
        parts = (torch.from_numpy(a) for a in (hold, role, present, angle, grade))
        return self._sequence(*parts)

    def encode_batch(self, batch: ClimbBatch) -> Tensor:
        """(B, 3 + 2L) token ids of a batch made for this vocabulary's board."""
        role_tokens = torch.from_numpy(self.role_tokens).to(batch.role.device)
        first = self.first
        return self._sequence(
            batch.placement + first[TokenType.HOLD],
            role_tokens[batch.role],
            batch.present,
            torch.where(batch.angle > 0, batch.angle - 1 + first[TokenType.ANGLE], ANY_ANGLE),
            torch.where(batch.grade > 0, batch.grade - 1 + first[TokenType.GRADE], ANY_GRADE),
        )

    @staticmethod
    def _sequence(hold: Tensor, role: Tensor, present: Tensor, angle: Tensor, grade: Tensor) -> Tensor:
        """Interleave (B, L) holds and roles behind the conditions; `end` after the last one, then pad."""
        rows, length = hold.shape
        tokens = hold.new_full((rows, 3 + 2 * length), PAD)
        tokens[:, 0], tokens[:, 1] = angle, grade
        tokens[:, 2:-1:2] = hold.where(present, PAD)
        tokens[:, 3:-1:2] = role.where(present, PAD)
        return tokens.scatter(1, 2 + 2 * present.sum(1, keepdim=True), END)

    def _condition(
        self, values: np.ndarray, known: tuple[int, ...], kind: TokenType, missing: int
    ) -> np.ndarray:
        place = {value: self.first[kind] + i for i, value in enumerate(known)} | {UNKNOWN: missing}
        distinct, inverse = np.unique(values, return_inverse=True)
        for value in distinct.tolist():
            if value not in place:
                what = "angle" if kind is TokenType.ANGLE else "difficulty id"
                raise InputError(f"unknown {what} {value}: known are {', '.join(map(str, known))}")
        return np.array([place[v] for v in distinct.tolist()], dtype=np.int64)[inverse]

    def decode(self, tokens: Tensor) -> Climbs:
        """Climbs of (C, T) token ids. Raises InputError where a row does not read as a climb.

        A row's climb stops at its `end`; a row without one (an open prompt) stops at its padding.
        """
        ids = tokens.cpu().numpy()
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise InputError(f"unknown token id: this vocabulary has {len(self)} tokens")
        stop = (ids == END) | (ids == PAD)
        length = np.where(stop.any(1), stop.argmax(1), ids.shape[1])
        column = np.arange(ids.shape[1])
        inside = column < length[:, None]
        types = self.types[ids]
        expected = np.where(column % 2 == 0, TokenType.HOLD, TokenType.ROLE)
        expected[:2] = TokenType.ANGLE, TokenType.GRADE
        right = types == expected
        right[:, 0] |= ids[:, 0] == ANY_ANGLE
        right[:, 1] |= ids[:, 1] == ANY_GRADE
        bad = (~right & inside).any(1) | (length < 2) | (length % 2 == 1)
        if bad.any():
            row = int(bad.argmax())
            raise InputError(
                f"not a climb: {self.text(ids[row].tolist())!r} does not read angle grade hold role … end"
            )
        holds, roles = ids[:, 2::2][inside[:, 2::2]], ids[:, 3::2][inside[:, 3::2]]
        role_of = np.zeros(len(self), dtype=np.int64)
        role_of[self.role_tokens] = np.arange(N_ROLES)
        return Climbs(
            holds - self.first[TokenType.HOLD],
            role_of[roles],
            np.concatenate([[0], np.cumsum((length - 2) // 2)]),
            self._value(ids[:, 0], self.angles, TokenType.ANGLE),
            self._value(ids[:, 1], self.grades, TokenType.GRADE),
        )

    def _value(self, ids: np.ndarray, known: tuple[int, ...], kind: TokenType) -> np.ndarray:
        table = np.array([*known, UNKNOWN])
        return table[np.where(self.types[ids] == kind, ids - self.first[kind], len(known))]

    def save(self, path: Path) -> None:
        """Write as JSON. Raises InputError when the file cannot be written."""
        data = {
            "format": FORMAT,
            "special": list(SPECIAL),
            "holds": list(self.holds),
            "roles": dict(self.roles),
            "angles": list(self.angles),
            "grades": list(self.grades),
        }
        try:
            Path(path).write_text(json.dumps(data))
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from None

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote. Raises InputError when it is missing, incomplete, damaged or newer."""
        try:
            data = json.loads(Path(path).read_text())
            if data["format"] > FORMAT:
                raise InputError(
                    f"{path} has vocabulary format {data['format']}, newer than this setgen reads "
                    f"({FORMAT}): upgrade setgen"
                )
            if tuple(data["special"]) != SPECIAL:
                raise KeyError("special")
            lists = [tuple(int(v) for v in data[key]) for key in ("holds", "angles", "grades")]
            roles = tuple((str(label), int(number)) for label, number in data["roles"].items())
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path} is not a complete vocabulary that setgen wrote ({error!r}): save the model again"
            ) from None
        return cls(lists[0], roles, lists[1], lists[2])
