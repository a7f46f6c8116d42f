"""Keep every exchange of a run on disk until the reports are written."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from contract_tests.wire import Exchange


class Recorder:
    """A spool of exchanges; keeps nothing unless a report needs them."""

    def __init__(self, *, keeps: bool) -> None:
        self._file = tempfile.TemporaryFile() if keeps else None  # noqa: SIM115  closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def see(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        if self._file is not None:
            pickle.dump(exchange, self._file)

    def exchanges(self) -> Iterator[Exchange]:
        """Yield what was kept, in order."""
        if self._file is None:
            return
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)  # noqa: S301  written by this very process
            except EOFError:
                return
