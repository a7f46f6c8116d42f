"""Write the configuration of one Schemathesis run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract_tests.fuzzing.loosening import reads_more
from contract_tests.fuzzing.refusals import depends_on_records
from contract_tests.wire import SECRET_HEADERS
from mockserver.operation import Spec

#: Too long to be looked at, whatever it says.
_TOO_LARGE: Final = ("413", "414", "431")
#: What counts as refusing wrong input; a crash is no refusal, but it is reported as a crash.
_REFUSED: Final = (
    "400", "401", "403", "404", "405", "406", "409", "415", "422", "428", "5xx", *_TOO_LARGE,
)  # fmt: skip
#: What may become of right input, and what where the stored records have a say.
_ACCEPTED: Final = ("2xx", "3xx", "401", "403", "404", "409", "429", "5xx", *_TOO_LARGE)
_DEPENDS: Final = (*_ACCEPTED, "400", "422")
_TRIED: Final = ("GET", "PUT", "POST", "DELETE", "PATCH")
_VARIABLE: Final = "CONTRACT_TESTS_HEADER_{}"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a run there is: phases in order, and invented requests per operation."""

    phases: tuple[str, ...]
    max_examples: int
    max_steps: int = 6


SIZES: Final[Mapping[str, Size]] = {
    "quick": Size(("fuzzing",), 3),
    "ci": Size(("examples", "coverage", "fuzzing", "stateful"), 15),
    "thorough": Size(("examples", "coverage", "fuzzing", "stateful"), 100),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    What the configuration depends on.

    `headers` are names only, and so are `secrets` among them; `rate` is requests per
    second; `is_whole` tells that the document lists every method of its paths, so that
    others may be tried.
    """

    profile: str = "ci"
    headers: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    seed: int = 1
    rate: float | None = None
    timeout: float = 10.0
    verify: bool | str = True
    is_whole: bool = True


def environment(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that carry header values past files and command lines."""
    return {_VARIABLE.format(number): value for number, value in enumerate(headers.values())}


def write(settings: Settings, spec: Spec | None, operations: tuple[str, ...]) -> str:
    """Return the text of a `schemathesis.toml` for a derived document."""
    size = SIZES[settings.profile]
    tables: dict[str, dict[str, Any]] = {
        "": _root(settings),
        "headers": {
            name: "${" + _VARIABLE.format(number) + "}"
            for number, name in enumerate(settings.headers)
        },
        "generation": {
            "deterministic": True,
            "max-examples": size.max_examples,
            "database": "none",
            "with-security-parameters": False,
        },
        "phases.stateful": {"max-steps": size.max_steps},
        "checks.positive_data_acceptance": {"expected-statuses": list(_ACCEPTED)},
        "checks.negative_data_rejection": {"expected-statuses": list(_REFUSED)},
        "output.sanitization": {
            "keys-to-sanitize": sorted({*(n.lower() for n in settings.secrets), *SECRET_HEADERS})
        },
        "auth": {"auto-signup": False},
        "cache": {"enabled": False},
    }
    if settings.is_whole:
        # Proxies and web servers have their own opinion of the others.
        tables["phases.coverage"] = {"unexpected-methods": list(_TRIED)}
    else:
        # Methods that were left out on purpose exist: trying them would be dangerous and wrong.
        tables["phases.coverage"] = {"unexpected-methods": []}
        tables["checks.unsupported_method"] = {"enabled": False}
        tables["checks.allow_header_conformance"] = {"enabled": False}
    blocks = [_table(name, values) for name, values in tables.items()]
    return "\n".join(blocks + _allowances(spec, operations))


def _root(settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {
        "seed": settings.seed,
        "continue-on-failure": True,
        "request-timeout": float(settings.timeout),
        "suppress-health-check": ["all"],
        "tls-verify": settings.verify,
    }
    if settings.rate is not None:
        values["rate-limit"] = _pace(settings.rate)
    return values


def _pace(rate: float) -> str:
    """Return requests per second as a limit in whole numbers."""
    if rate >= 1:
        return f"{int(rate)}/s"
    return f"{max(1, int(rate * 60))}/m"


def _allowances(spec: Spec | None, operations: tuple[str, ...]) -> list[str]:
    """Let operations answer as they may where the spec says that a schema cannot tell."""
    if spec is None or not spec.resources:
        # Nothing says which inputs refer to records that have to exist.
        return [
            "\n".join(
                [
                    "[[operations]]",
                    f"include-operation-id = {_value(name)}",
                    _expected("positive_data_acceptance", _DEPENDS),
                    "",
                ]
            )
            for name in operations
        ]
    blocks = []
    for name in operations:
        operation = spec.operation(name)
        lines = []
        if reason := depends_on_records(spec, operation):
            lines += [f"# {reason}", _expected("positive_data_acceptance", _DEPENDS)]
        if reads_more(operation):
            lines += ["# a filter may read more than its schema names"]
            lines += [_expected("negative_data_rejection", ("2xx", *_REFUSED))]
        if lines:
            start = ["[[operations]]", f"include-operation-id = {_value(name)}"]
            blocks.append("\n".join([*start, *lines, ""]))
    return blocks


def _expected(check: str, statuses: tuple[str, ...]) -> str:
    return f"checks.{check}.expected-statuses = {_value(list(statuses))}"


def _table(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"{_value(key)} = {_value(value)}" for key, value in values.items()]
    return "\n".join([*([f"[{name}]"] if name else []), *lines, ""])


def _value(value: Any) -> str:
    # What JSON writes of these is TOML, too; DEL alone must be escaped.
    return json.dumps(value).replace("\x7f", "\\u007f")
