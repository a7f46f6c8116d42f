"""Read the reports of a Schemathesis run into values; one failure for one cause."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from contract_tests.wire import Sent, redacted

_FILTERED: Final = "[Filtered]"
_POINTER: Final = re.compile(r"^Schema at (\S+):", re.MULTILINE)
#: What differs between two failures of one cause: quoted things, numbers, ids.
_VALUES: Final = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|\{.*\}|\[.*\]|-?\d[\w.:+-]*")
_URLS: Final = re.compile(r"/\S*")
#: Failures told apart by what their message says of a schema, not by the request.
_OF_SCHEMA: Final = frozenset({"ST107", "ST108", "ST109", "ST110", "ST111"})
_LONGEST_BODY: Final = 2000


@dataclass(frozen=True, slots=True)
class FuzzFailure:
    """
    One cause of trouble that Schemathesis found.

    `operation_id` is its label where the document has no such operation ("TRACE /books");
    `requests` lead to the failure, the last one shows it, and `curl` repeats them;
    `shape` tells causes apart without any value, `count` is how often it was seen.
    """

    code: str
    title: str
    operation_id: str
    message: str
    curl: tuple[str, ...]
    requests: tuple[Sent, ...]
    status: int = 0
    shape: str = ""
    severity: str = "medium"
    phase: str = ""
    count: int = 1


class Events:
    """The NDJSON report, read line by line while it grows."""

    def __init__(self, names: Mapping[tuple[str, str], str]) -> None:
        self._names = names
        self._found: dict[tuple[str, str, str], FuzzFailure] = {}
        self.requests = 0
        self._errors: dict[str, str] = {}

    @property
    def failures(self) -> tuple[FuzzFailure, ...]:
        """The causes so far, in the order they were met."""
        return tuple(self._found.values())

    @property
    def errors(self) -> tuple[str, ...]:
        """What the tool complained of, alike complaints once."""
        return tuple(self._errors.values())

    def read(self, line: str) -> None:
        """Take in one event; a line that is cut off says nothing."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        for kind, payload in event.items():
            if kind == "ScenarioFinished":
                self._scenario(payload)
            elif kind in ("NonFatalError", "FatalError"):
                text = _error_text(payload)
                self._errors.setdefault(_URLS.sub("…", _VALUES.sub("…", text)), text)

    def _scenario(self, payload: Mapping[str, Any]) -> None:
        recorder = payload.get("recorder") or {}
        interactions = (recorder.get("interactions") or {}).values()
        self.requests += sum(1 for each in interactions if each.get("response"))
        for case_id, checks in (recorder.get("checks") or {}).items():
            failed = [
                (check.get("failure_info") or {}).get("failure") or {"title": check.get("name")}
                for check in checks
                if check.get("status") == "failure"
            ]
            for said in _causes(failed, _status(recorder, case_id)):
                self._add(self._failure(recorder, case_id, said, str(payload.get("phase", ""))))

    def _failure(
        self, recorder: Mapping[str, Any], case_id: str, said: Mapping[str, Any], phase: str
    ) -> FuzzFailure:
        case = ((recorder.get("cases") or {}).get(case_id) or {}).get("value") or {}
        steps = list(_chain(recorder, case_id))
        status = steps[-1][1] if steps else 0
        code, message = str(said.get("code", "ST901")), str(said.get("message", ""))
        return FuzzFailure(
            code=code,
            title=str(said.get("title", "")),
            operation_id=self._operation(case, recorder, said),
            message=message,
            curl=tuple(curl(sent, url) for sent, _, url in steps),
            requests=tuple(sent for sent, _, _ in steps),
            status=status,
            shape=_shape(code, message, status, case),
            severity=str(said.get("severity", "medium")),
            phase=phase,
        )

    def _operation(
        self, case: Mapping[str, Any], recorder: Mapping[str, Any], said: Mapping[str, Any]
    ) -> str:
        """Return the operation of a case; for a method the path has not, that of the scenario."""
        asked = f"{str(case.get('method', '')).upper()} {case.get('path', '')}".strip()
        labels = (asked, str(recorder.get("label", "")), str(said.get("operation") or ""))
        known = (self._names.get((method, path)) for method, _, path in map(_split, labels))
        return next((name for name in known if name), asked)

    def _add(self, found: FuzzFailure) -> None:
        key = (found.code, found.operation_id, found.shape)
        known = self._found.get(key)
        if known is None:
            self._found[key] = found
            return
        # The shortest way to a failure is the one worth showing.
        shown = min(known, found, key=_length)
        self._found[key] = replace(shown, count=known.count + 1)


def _causes(failed: list[Mapping[str, Any]], status: int) -> list[Mapping[str, Any]]:
    """Return the failures of one answer without those that follow from others."""
    codes = {said.get("code") for said in failed}
    if "ST204" in codes:
        # Who looks at the caller before the method may well refuse the caller.
        own = () if status in (401, 403) else ("ST204",)
    elif "ST101" in codes:
        # A crash is no documented status, no documented body and no refusal either.
        own = ("ST101",)
    else:
        return failed
    return [said for said in failed if said.get("code") in own]


def _status(recorder: Mapping[str, Any], case_id: str) -> int:
    interaction = (recorder.get("interactions") or {}).get(case_id) or {}
    return int((interaction.get("response") or {}).get("status_code") or 0)


def _split(label: str) -> tuple[str, str, str]:
    return label.partition(" ")


def curl(sent: Sent, url: str) -> str:
    """Return a command that repeats a request; the token comes from the environment."""
    words = ["curl", "-sS", "-X", sent.method]
    for name, value in redacted(sent.headers).items():
        # In double quotes the shell fills in the secret.
        is_token = name.lower() == "authorization"
        words += ["-H", '"Authorization: $TOKEN"' if is_token else shlex.quote(f"{name}: {value}")]
    if sent.body:
        text = sent.body.decode("utf-8", "replace")
        words += ["--data-binary", shlex.quote(text[:_LONGEST_BODY])]
    return " ".join([*words, shlex.quote(url)])


def _length(failure: FuzzFailure) -> tuple[int, int]:
    sizes = (len(sent.target) + len(sent.body) for sent in failure.requests)
    return len(failure.requests), sum(sizes)


def _chain(recorder: Mapping[str, Any], case_id: str) -> Iterator[tuple[Sent, int, str]]:
    """Yield the requests that lead to a case, and it, each with its status and URL."""
    cases = recorder.get("cases") or {}
    ids: list[str] = []
    current: str | None = case_id
    while current and current in cases and current not in ids:
        ids.append(current)
        current = cases[current].get("parent_id")
    for name in reversed(ids):
        interaction = (recorder.get("interactions") or {}).get(name)
        if interaction:
            request = interaction["request"]
            yield _sent(request), _status(recorder, name), str(request["uri"])


def _sent(request: Mapping[str, Any]) -> Sent:
    parts = urlsplit(str(request["uri"]))
    headers = {
        name: ", ".join(values) if isinstance(values, list) else str(values)
        for name, values in (request.get("headers") or {}).items()
    }
    return Sent(
        method=str(request["method"]),
        path=parts.path,
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        headers={n: "[redacted]" if v == _FILTERED else v for n, v in headers.items()},
        body=_bytes(request.get("body")),
    )


def _bytes(value: Any) -> bytes:
    if isinstance(value, Mapping) and "$base64" in value:
        return base64.b64decode(value["$base64"])
    return str(value).encode("utf-8", "surrogateescape") if value else b""


def _shape(code: str, message: str, status: int, case: Mapping[str, Any]) -> str:
    """Return what two failures of one cause have in common, apart from their operation."""
    if code in _OF_SCHEMA:
        where = "".join(f" at {pointer}" for pointer in _POINTER.findall(message))
        return f"{status} {_VALUES.sub('…', message.partition(chr(10))[0])}{where}"
    if code != "ST201":
        return str(status)
    data = ((case.get("meta") or {}).get("phase") or {}).get("data") or {}
    name = str(data.get("parameter") or "")
    # A body as a whole goes by its media type.
    parts = (str(status), str(data.get("parameter_location") or ""), "" if "/" in name else name)
    return " ".join(part for part in parts if part)


def _error_text(payload: Mapping[str, Any]) -> str:
    said = payload.get("value") or payload.get("exception") or payload.get("message")
    if isinstance(said, Mapping):
        said = said.get("message") or said.get("type")
    return str(said or "an error without a text")
