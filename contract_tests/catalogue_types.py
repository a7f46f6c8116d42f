"""What a report needs to know about a property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from contract_tests.result import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One property of the catalogue.

    `claim` is the promise in one sentence, `wfc` the fault code of the Web Fuzzing
    Commons where there is one, `section` the chapter that it belongs to.
    """

    id: str
    name: str
    claim: str
    severity: Severity = "high"
    wfc: int | None = None
    section: str = ""


#: Property id -> rule.
Catalogue: TypeAlias = Mapping[str, Rule]

#: For whoever has no catalogue at hand: properties go by their ids.
NO_RULES: Final[Catalogue] = MappingProxyType({})
