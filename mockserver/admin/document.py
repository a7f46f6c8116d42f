"""Read the description of the admin API, once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from mockserver import compiler, loader
from mockserver.operation import Spec

PLACE: Final = Path(__file__).parent / "openapi.yaml"


@cache
def spec() -> Spec:
    """Return what the document says."""
    return compiler.compile_spec(loader.load(PLACE))
