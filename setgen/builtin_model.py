"""Where the model lies that setgen brings along: of the synthetic board, made by `experiments.builtin`."""

from pathlib import Path

BUILTIN = Path(__file__).resolve().parent / "builtin"
"""A model folder as `load_generator` reads it, with `grader/`, `sensible.json` and `card.json` in it."""
