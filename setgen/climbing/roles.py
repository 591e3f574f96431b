"""The four roles a hold can play in a climb."""

from enum import IntEnum


class Role(IntEnum):
    """Role codes used in every array of the package; boards map them to their own numbers by name."""

    START = 0
    MIDDLE = 1
    FINISH = 2
    FOOT = 3

    @property
    def label(self) -> str:
        return self.name.lower()


N_ROLES = len(Role)

OPEN = -1
"""In a prompt, the role of a hold that is given without one: it is left to the model."""

# Names that boards use for the same four roles.
_SYNONYMS = {"hand": "middle", "hands": "middle", "top": "finish", "end": "finish", "feet": "foot"}


def role_from_name(name: str) -> Role | None:
    """The role a board calls `name` (any case), or None when it is none of the four."""
    key = name.strip().lower()
    return Role.__members__.get(_SYNONYMS.get(key, key).upper())
