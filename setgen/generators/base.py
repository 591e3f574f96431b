"""Generator: the one interface that every model implements and every evaluator consumes."""

from __future__ import annotations

import abc
import json
from dataclasses import asdict, is_dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.constraints import Constraints
from setgen.dataset.batches import ClimbBatch
from setgen.errors import InputError

FORMAT = 1


class Generator(nn.Module, abc.ABC):
    """A distribution over sets of (placement, role) pairs, given angle and grade, on one board.

    Subclasses set `name` (their key in `registry.GENERATORS`) and `Config` (a dataclass of plain values),
    and build everything from `(board, config)`, so that a saved folder is enough to rebuild them.
    """

    name: ClassVar[str]
    Config: ClassVar[type]

    def __init__(self, board: Board, config: Any) -> None:
        super().__init__()
        assert is_dataclass(config)
        self.board = board
        self.config: Any = config

    @abc.abstractmethod
    def fit_counts(self, climbs: Climbs) -> None:
        """Take from the training climbs whatever is counted rather than learned (sizes, frequencies)."""

    @abc.abstractmethod
    def loss(self, batch: ClimbBatch) -> Tensor:
        """Scalar training loss. In eval mode it is deterministic up to torch's global generator."""

    @abc.abstractmethod
    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        """(B, K) nats: log p(n | c) + log n! + log p(σ_k(S) | n, c) for K orders σ_k of each climb S.

        orders: (K, B, L), each row a permutation that puts padding last (see `orders`). The mean over k
        is a lower bound on log p(S | c); log-mean-exp over k is tighter, and exact over all n! orders.
        A model with an exact likelihood returns it in every column. `legal` renormalises each step over
        the elements that can still lead to a legal climb; without it only repeats are ruled out.
        Generators that end with EOS count its log-probabilities in place of log p(n | c).

        given: (B,) how many leading holds of each order are given. Column k then is the log-probability
        of completing those g holds G to S, under exactly the process by which `sample` completes a prompt:
        log p(n | G, c) + log (n − g)! + log p(the rest of σ_k | G, n, c); over all completions of a prompt
        the probabilities sum to 1. G must be part of a legal climb where `legal` is on.
        """

    @abc.abstractmethod
    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        """(B, V·4) nats: log p(next element | holds given, c, another hold follows), over element indices.

        Each row's finite entries sum to 1 as probabilities; elements that are ruled out are −inf: always
        placements in use and roles the board lacks, and with `legal` whatever cannot lead to a legal climb
        (see `legality`). A row in which nothing may follow is −inf throughout.
        A sequence model reads the given holds in the order of the batch (padding last), so its answer may
        depend on that order; it rules EOS out and renormalises. A set model's answer is a function of the
        set alone; one that is told the final size takes the most likely size under its size model that is
        larger than the number of holds given and that a legal climb can have.
        """

    @abc.abstractmethod
    def sample(
        self,
        prompts: Climbs,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        seed: int | np.ndarray = 0,
        batch_size: int = 256,
        constraints: Constraints | None = None,
    ) -> Climbs:
        """Complete each prompt: (C,) climbs that contain the prompt's holds unaltered, first and in order.

        A prompt is a partial (or empty) set with an angle and a grade, each of which may be UNKNOWN. A hold
        given in the role OPEN gets its role from the model, before any new hold is drawn.
        sizes: (C,) total number of holds wanted, 0 or None where the model draws it. With `legal`,
        every climb is legal for certain. Row i depends on `seed` and i alone, not on the batch; where `seed`
        is (C, 2) integers, row i is what row seed[i, 1] of a call with the seed seed[i, 0] would be, so that
        several calls can be made as one.
        constraints: what every climb must keep to, which is certain too; they need `legal`. Each step is
        renormalised over the elements behind which such a climb can still be completed.
        Raises InputError when a prompt cannot be completed legally, or not under the constraints.
        """

    @property
    def device(self) -> torch.device:
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def n_parameters(self) -> int:
        """Number of learned numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def save(self, folder: Path) -> None:
        """Write model.json, board.json and weights.safetensors into `folder`."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file(
                {k: v.contiguous() for k, v in self.state_dict().items()}, folder / "weights.safetensors"
            )
            self.board.save(folder / "board.json")
            head = {"format": FORMAT, "generator": self.name, "config": asdict(self.config)}
            (folder / "model.json").write_text(json.dumps(head, indent=2))
        except OSError as error:
            raise InputError(f"cannot write {folder}: {error.strerror}") from None
        except SafetensorError as error:  # what safetensors makes of an OSError
            raise InputError(f"cannot write {folder}: {str(error).splitlines()[0]}") from None

    @classmethod
    def from_folder(cls, folder: Path, head: dict[str, Any]) -> Generator:
        """Rebuild from a saved folder whose model.json is `head`. Raises InputError when they disagree."""
        board = Board.load(folder / "board.json")
        try:
            generator = cls(board, cls.Config(**head["config"]))
            weights = load_file(folder / "weights.safetensors")
        except (KeyError, TypeError, InputError, RuntimeError, SafetensorError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{folder} is damaged or from another version of setgen: {reason}") from None
        try:
            generator.load_state_dict(weights)
        except RuntimeError:
            raise InputError(
                f"{folder} is damaged: its weights do not fit its board.json and model.json; "
                "copy the model folder again as a whole"
            ) from None
        return generator.eval()
