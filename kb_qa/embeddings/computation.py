"""A packed model at work on a device: token ids in, mean vectors out."""

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.devices import Arithmetic, Plan, choose_device, choose_plan
from kb_qa.embeddings.encoder import Encoder
from kb_qa.embeddings.packed_file import PackedFile
from kb_qa.embeddings.workers import Workers


class Computation:
    """The encoders of a packed model, and the threads they compute in.

    Args:
        packed: the model's file.
        device: where to compute, as torch names it; by default a GPU if there is one.
        plan: the arithmetic to compute in; by default the device's fastest.
    """

    def __init__(
        self, packed: PackedFile, *, device: str | None = None, plan: Plan | None = None
    ) -> None:
        self._packed = packed
        self._device = choose_device(device)
        self._plan = plan or choose_plan(self._device)
        self._encoders: dict[Arithmetic, Encoder] = {}
        self._building = Lock()
        self._workers = Workers(self._device)

    def passages(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The mean vector of each sequence, of shape (hidden,)."""
        return self._workers.map(self._encoder(self._plan.passages).mean_vectors, sequences)

    def queries(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The same for questions, whose time is not that of passages."""
        return self._workers.map(self._encoder(self._plan.queries).mean_vectors, sequences)

    def passage_tokens(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The vectors of each sequence's tokens, of shape (tokens, hidden)."""
        return self._workers.map(self._encoder(self._plan.passages).token_vectors, sequences)

    def query_tokens(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The same for questions."""
        return self._workers.map(self._encoder(self._plan.queries).token_vectors, sequences)

    def _encoder(self, arithmetic: Arithmetic) -> Encoder:
        """The encoder, made when it is first wanted: a run often needs only one of two."""
        with self._building:
            if arithmetic not in self._encoders:
                self._encoders[arithmetic] = Encoder(
                    self._packed, device=self._device, arithmetic=arithmetic
                )
            return self._encoders[arithmetic]
