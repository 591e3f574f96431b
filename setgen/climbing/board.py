"""A board: its placements in inches, the roles, angles and grades it knows, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from setgen.climbing import grades
from setgen.climbing.roles import N_ROLES, Role
from setgen.errors import InputError
from setgen.sets.space import Label, Space, index_in, numbers_in, texts_in

FORMAT = 1


@dataclass(frozen=True)
class Limits:
    """What the board's own app accepts: (fewest, most) of each count, both ends included."""

    holds: tuple[int, int] = (2, 35)
    starts: tuple[int, int] = (1, 2)
    finishes: tuple[int, int] = (1, 2)


@dataclass(frozen=True)
class AppIds:
    """The numbers that the board's own app, and the sites around it, know this wall by.

    size is None for a whole layout, which comes in several sizes. sets: id of each hold set on the board.
    """

    layout: int
    size: int | None
    sets: tuple[int, ...]


def board_of(space: Space) -> Board:
    """The space as the board it is. Raises InputError when it is none: what follows is of climbs."""
    if not isinstance(space, Board):
        raise InputError(f"this is of climbs, and {space.name} holds other sets: give a model of a board")
    return space


@dataclass(frozen=True, eq=False)
class Board(Space):
    """A wall with V placements: the space of which climbs are sets.

    Index 0…V−1 is used inside; the board's own ids at the edges.

    ids: (V,) the board's placement ids, increasing. xy: (V, 2) inches, y up. hold_set: (V,) index into
    `hold_set_names`. role_ids: the number of each role in a frames string; a role that is missing there
    does not exist on this board. angles: degrees. grades: difficulty ids (see `grades`).
    mirror: (V,) index of each placement's mirror image; None where the board has no mirror symmetry. (Sources
    that are cut to a size afterwards have −1 where there is none: see `aurora_sizes.on_size`.)
    app: the board's numbers in its app; leds: (V,) number of each placement's LED, −1 where it has none;
    led_colors: what colour the app lights each role in. All three are empty where the source has none.
    """

    name: str
    family: str
    ids: np.ndarray
    xy: np.ndarray
    hold_set: np.ndarray
    hold_set_names: tuple[str, ...]
    hole_names: tuple[str, ...]
    role_ids: Mapping[Role, int]
    role_colors: Mapping[Role, str]
    angles: tuple[int, ...]
    grades: tuple[int, ...] = tuple(grades.FONT)
    limits: Limits = field(default_factory=Limits)
    edges: tuple[float, float, float, float] | None = None
    mirror: np.ndarray | None = None
    app: AppIds | None = None
    leds: np.ndarray | None = None
    led_colors: Mapping[Role, str] = field(default_factory=dict)

    file: ClassVar[str] = "board.json"
    item_word: ClassVar[str] = "hold"
    label_word: ClassVar[str] = "role"
    set_word: ClassVar[str] = "climb"
    length_word: ClassVar[str] = "inches"
    word: ClassVar[str] = "board"
    metrics_module: ClassVar[str] = "setgen.climbing.metrics"

    def __len__(self) -> int:
        return len(self.ids)

    # --- the board as a space: holds are items, roles are labels, angle and grade conditions ----------

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The four roles; one that this board lacks is at most 0."""
        bounds = {Role.START: self.limits.starts, Role.FINISH: self.limits.finishes}
        asked = {role: bounds.get(role, (0, None)) for role in Role}
        return tuple(
            Label(role.label, least, most if role in self.role_ids else 0)
            for role, (least, most) in asked.items()
        )

    @property
    def sizes(self) -> tuple[int, int]:
        return self.limits.holds

    @cached_property
    def conditions(self) -> Mapping[str, tuple[int, ...]]:
        return {"angle": self.angles, "grade": self.grades}

    @property
    def coordinates(self) -> np.ndarray:
        return self.xy

    @property
    def groups(self) -> np.ndarray:
        return self.hold_set

    @property
    def group_names(self) -> tuple[str, ...]:
        return self.hold_set_names

    @property
    def mirror_items(self) -> np.ndarray | None:
        return self.mirror

    @property
    def keys(self) -> np.ndarray:
        return self.ids

    def item_name(self, item: int) -> str:
        return f"p{self.ids[item]}"

    def check_condition(self, name: str, value: int) -> int:
        if value == grades.UNKNOWN or name not in self.conditions:
            return super().check_condition(name, value)
        return self.check_angle(value) if name == "angle" else self.check_grade(value)

    def value_name(self, condition: str, value: int) -> str:
        if value == grades.UNKNOWN:
            return "?"
        return f"{value}°" if condition == "angle" else grades.grade_name(value)

    @cached_property
    def role_allowed(self) -> np.ndarray:
        """(4,) bool: the roles that exist on this board."""
        return np.array([Role(r) in self.role_ids for r in range(N_ROLES)])

    @cached_property
    def extent(self) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) in inches."""
        if self.edges is not None:
            return self.edges
        (left, bottom), (right, top) = self.xy.min(0) - 4, self.xy.max(0) + 4
        return float(left), float(right), float(bottom), float(top)

    @cached_property
    def _index_of_name(self) -> dict[str, int]:
        return {name.upper(): i for i, name in enumerate(self.hole_names)}

    def index_of(self, placement_id: int) -> int:
        """Index of a placement id. Raises InputError when the id is not on this board."""
        i = int(np.searchsorted(self.ids, placement_id))
        if i == len(self) or self.ids[i] != placement_id:
            raise InputError(
                f"hold p{placement_id} is not on this board ({self.name}): its ids lie between "
                f"{self.ids[0]} and {self.ids[-1]}; see them with `setgen draw --numbers`"
            )
        return i

    def index_of_name(self, name: str) -> int:
        """Index of a hole name such as `J3`. Raises InputError when the board has no such hole."""
        if name.upper() not in self._index_of_name:
            raise InputError(f"hold {name!r} is not on this board ({self.name})")
        return self._index_of_name[name.upper()]

    def role_of(self, role_id: int) -> Role:
        """Role of a role number of this board's frames strings. Raises InputError for another number."""
        for role, number in self.role_ids.items():
            if number == role_id:
                return role
        known = ", ".join(f"r{n} {role.label}" for role, n in self.role_ids.items())
        raise InputError(f"role r{role_id} is not one of this board's ({known})")

    def check_angle(self, angle: int) -> int:
        """The angle itself, if this board is ever set to it. Raises InputError otherwise."""
        if angle not in self.angles:
            raise InputError(f"angle {angle}° is not one of this board's: {', '.join(map(str, self.angles))}")
        return angle

    def check_grade(self, grade: int) -> int:
        """The grade itself, if this board knows it. Raises InputError otherwise."""
        if grade not in self.grades:
            low, high = grades.grade_name(self.grades[0]), grades.grade_name(self.grades[-1])
            raise InputError(
                f"grade {grades.grade_name(grade)} is outside this board's grades, {low} to {high}"
            )
        return grade

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "family": self.family,
            "ids": self.ids.tolist(),
            "xy": self.xy.tolist(),
            "hold_set": self.hold_set.tolist(),
            "hold_set_names": list(self.hold_set_names),
            "hole_names": list(self.hole_names),
            "role_ids": {role.label: number for role, number in self.role_ids.items()},
            "role_colors": {role.label: color for role, color in self.role_colors.items()},
            "angles": list(self.angles),
            "grades": list(self.grades),
            "limits": {k: list(v) for k, v in vars(self.limits).items()},
            "edges": self.edges,
            "mirror": None if self.mirror is None else self.mirror.tolist(),
            "app": None if self.app is None else vars(self.app),
            "leds": None if self.leds is None else self.leds.tolist(),
            "led_colors": {role.label: color for role, color in self.led_colors.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Board:
        if data["format"] > FORMAT:
            raise InputError(
                f"board.json has format {data['format']}, newer than this setgen reads ({FORMAT})"
            )
        ids = numbers_in(data, "ids", np.int64, -1)
        n, hold_sets = len(ids), texts_in(data, "hold_set_names")
        if not n or ids[0] < 0 or (np.diff(ids) <= 0).any():
            raise ValueError("ids do not increase")
        hole_names = texts_in(data, "hole_names")
        if len(hole_names) != n:
            raise ValueError(f"{len(hole_names)} hole_names for {n} holds")
        # What boards saved by older versions do not have is none.
        app, leds, edges = data.get("app"), data.get("leds"), data["edges"]
        return cls(
            name=str(data["name"]),
            family=str(data["family"]),
            ids=ids,
            xy=numbers_in(data, "xy", np.float64, n, 2),
            hold_set=index_in(data, "hold_set", n, 0, len(hold_sets)),
            hold_set_names=hold_sets,
            hole_names=hole_names,
            role_ids=_by_role(data["role_ids"], int),
            role_colors=_by_role(data["role_colors"], str),
            angles=tuple(_distinct(data, "angles")),
            grades=tuple(_distinct(data, "grades")),
            limits=Limits(**{k: _range(data["limits"], k) for k in data["limits"]}),
            edges=None if edges is None else tuple(numbers_in(data, "edges", np.float64, 4).tolist()),
            mirror=None if data["mirror"] is None else index_in(data, "mirror", n, -1, n),
            app=None if app is None else AppIds(app["layout"], app["size"], tuple(app["sets"])),
            leds=None if leds is None else index_in(data, "leds", n, -1, 2**31),
            led_colors=_by_role(data.get("led_colors", {}), str),
        )


def _by_role(values: Mapping[str, Any], kind: type) -> dict[Role, Any]:
    """Raises ValueError for other roles and values than a board has."""
    role = {r.label: r for r in Role}
    if not set(values) <= set(role) or not all(type(value) is kind for value in values.values()):
        raise ValueError(f"{values} are not of roles")
    if kind is int and (not values or min(values.values()) < 0 or len(set(values.values())) < len(values)):
        raise ValueError(f"{values} are no numbers of roles")
    return {role[name]: value for name, value in values.items()}


def _distinct(data: Mapping[str, Any], key: str) -> list[int]:
    if data[key] == []:
        return []
    values = index_in(data, key, len(data[key]), -90, 2**15).tolist()
    if len(set(values)) < len(values):
        raise ValueError(f"{key} has a value twice")
    return values


def _range(data: Mapping[str, Any], key: str) -> tuple[int, int]:
    least, most = numbers_in(data, key, np.int64, 2).tolist()
    if not 0 <= least <= most:
        raise ValueError(f"{key} is no range")
    return least, most


def find_board(folder: Path) -> Board:
    """The board of a dataset, model or run folder, or of a board.json itself.

    Raises InputError when there is none.
    """
    for path in (folder, folder / "board.json", folder / "model" / "board.json"):
        if path.is_file():
            return Board.load(path)
    raise InputError(f"there is no board in {folder}: give a dataset folder or a trained model's folder")
