"""Scripts: steps and a claim, free of ids, hosts and tokens, so that anybody can run them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from contract_tests import relations
from contract_tests.concurrency import together
from contract_tests.lab import IDENTIFIER, Lab, Suspicion
from contract_tests.relations import Difference
from contract_tests.steps import Reply, Step
from contract_tests.wire import ABSENT

VERSION: Final = 1
_TOKEN: Final = re.compile(r"\$\{(\d+):([^}|]*)(?:\|(\w+))?\}")
_TAG: Final = "${tag}"

#: A script as its file has it: see `build`.
Script = dict[str, Any]


class CannotRun(Exception):
    """A script that does not fit the server: a value it needs is not there."""


@dataclass(frozen=True, slots=True)
class Played:
    """
    What came of running a script.

    `is_disturbed` tells that what was read changed meanwhile, so that nothing is proved.
    """

    difference: Difference | None
    replies: Mapping[int, Reply] = field(default_factory=dict)
    is_disturbed: bool = False


# Writing


def build(lab: Lab, suspicion: Suspicion) -> Script:
    """Return the script of a suspicion: the steps it needs, their values traced to answers."""
    writer = _Writer(lab, suspicion)
    return {
        "version": VERSION,
        "property": suspicion.property,
        "operation": suspicion.operation,
        "about": suspicion.about,
        "says": suspicion.says,
        "shape": suspicion.difference.shape,
        "expected": suspicion.difference.expected,
        "steps": writer.steps(),
        "claim": writer.traced(suspicion.claim, max(lab.replies) + 1),
    }


class _Writer:
    def __init__(self, lab: Lab, suspicion: Suspicion) -> None:
        self.lab, self.tag = lab, suspicion.tag
        self.needed = self._closure(suspicion)
        self._made = {
            str(reply.record_key()): number
            for number in sorted(self.needed)
            if (reply := lab.replies[number]).step.creates and reply.record_key() is not ABSENT
        }

    def steps(self) -> list[dict[str, Any]]:
        return [self._step(self.lab.replies[number]) for number in sorted(self.needed)]

    def _closure(self, suspicion: Suspicion) -> set[int]:
        needed: set[int] = set()
        todo = list(suspicion.steps)
        for text in _texts(suspicion.claim):
            todo += self._origins(text, max(self.lab.replies) + 1)
        while todo:
            number = todo.pop()
            if number in needed or number not in self.lab.replies:
                continue
            needed.add(number)
            step = self.lab.replies[number].step
            for text in _texts([step.params, step.query, step.body, step.url]):
                todo += self._origins(text, number)
            if step.via is not None:
                todo += relations.steps_of(step.via)
        return needed

    def _origins(self, text: str, before: int) -> Iterator[int]:
        found = self.lab.origin.get(text)
        if found is not None and found < before:
            yield found
        for match in IDENTIFIER.finditer(text.encode()):
            number = self.lab.origin.get(match[0].decode().replace("-", "").lower())
            if number is not None and number < before:
                yield number

    def _step(self, reply: Reply) -> dict[str, Any]:
        step, number = reply.step, reply.step.number
        found: dict[str, Any] = {
            "step": number, "operation": step.operation, "method": step.method,
            "template": step.template, "params": self.traced(dict(step.params), number),
            "query": self.traced([list(pair) for pair in step.query], number),
            "persona": step.persona, "headers": dict(step.headers), "status": reply.code,
        }  # fmt: skip
        if step.body is not ABSENT:
            found["body"] = self.traced(step.body, number)
        if step.raw is not None:
            found["raw"] = base64.b64encode(step.raw).decode()
        for name in ("media", "creates", "together"):
            if value := getattr(step, name):
                found[name] = value
        if step.url:
            found["url"] = self.traced(step.url, number)
        if step.via is not None:
            found["via"] = dict(step.via)
            found["url"] = f"${{{step.via['of']}:link:{step.via['name']}}}"  # for readers
        return {name: value for name, value in found.items() if value not in ({}, [])}

    def traced(self, value: Any, before: int) -> Any:
        """Return a value with what earlier answers gave replaced by where they gave it."""
        if isinstance(value, str):
            return self._text(value, before)
        if isinstance(value, Mapping):
            return {name: self.traced(inner, before) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.traced(inner, before) for inner in value]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and (number := self._made.get(str(value), before)) < before:
            return f"${{{number}:/{self.lab.replies[number].key}|int}}"
        return value

    def _text(self, text: str, before: int) -> str:
        number = self._made.get(text, before)
        if number < before:
            return f"${{{number}:/{self.lab.replies[number].key}}}"
        whole = self._whole(text, before)
        if whole:
            return whole
        marked = IDENTIFIER.sub(
            lambda match: self._identifier(match[0].decode(), before).encode(), text.encode()
        )
        return marked.decode().replace(self.tag, _TAG)

    def _whole(self, text: str, before: int) -> str:
        if "/" not in text:
            return ""
        for number in self._origins(text, before):
            if number in self.needed:
                for pointer, value in _strings(self.lab.replies[number].data, ""):
                    if value == text:
                        return f"${{{number}:{pointer}}}"
        return ""

    def _identifier(self, text: str, before: int) -> str:
        bare = text.replace("-", "").lower()
        number = self.lab.origin.get(bare)
        if number is None or number >= before or number not in self.needed:
            return text
        for pointer, value in _strings(self.lab.replies[number].data, ""):
            match = IDENTIFIER.search(value.encode())
            if match and match[0].decode().replace("-", "").lower() == bare:
                spelling = "" if match[0].decode() == text == value else _spelling(text)
                return f"${{{number}:{pointer}{spelling}}}"
        return text


def _spelling(text: str) -> str:
    if "-" in text:
        return "|dashed"
    return "|upper" if text != text.lower() else "|hex"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _strings(inner, f"{pointer}/{step}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{pointer}/{index}")


# Running


def play(lab: Lab, script: Script, *, tag: str, settles: bool = True) -> Played:
    """
    Run a script on fresh records; raise CannotRun when a value it needs is not there.

    With `settles`, a failed claim about reading only counts when the same reading
    again still shows the same rows: other clients may have written in between.
    """
    replies: dict[int, Reply] = {}
    for _, group in groupby(script["steps"], key=lambda said: said.get("together") or said["step"]):
        listed = list(group)
        steps = [_read_step(said, replies, tag) for said in listed]
        with lab.unjudged():
            sent = together(lab, steps) if len(steps) > 1 else [lab.send(steps[0])]
        replies |= {said["step"]: reply for said, reply in zip(listed, sent, strict=True)}
    difference = _judge(lab, fill(script["claim"], replies, tag), replies)
    if difference is None or not settles:
        return Played(difference, replies)
    return Played(difference, replies, is_disturbed=not _is_settled(lab, script, replies, tag))


def _judge(lab: Lab, claim: Any, replies: Mapping[int, Reply]) -> Difference | None:
    if claim["relation"] != "conforms":
        try:
            return relations.check(claim, replies)
        except (LookupError, TypeError, ValueError) as error:
            return Difference("an answer that can be read", repr(error), "unreadable")
    reply = replies[claim["left"]["of"]]
    operation = lab.operation(reply.step.operation)
    name = lab.subject.conventions["fieldset"]["parameter"]
    is_cut = bool(name) and (name in dict(reply.step.query) or name in reply.step.url)
    method = reply.step.method
    for flaw in lab.oracle.judge(operation, reply.received, method=method, is_cut=is_cut):
        if flaw.rule == claim["rule"] and flaw.about == claim["about"]:
            return Difference(flaw.expected, flaw.actual, flaw.shape)
    return None


def _is_settled(lab: Lab, script: Script, replies: Mapping[int, Reply], tag: str) -> bool:
    """Read again what the claim compared; tell whether the rows are the same, in any order."""
    if script["claim"].get("unsettled") or len(relations.steps_of(script["claim"])) < 2:
        return True
    last = max(replies)
    for said in script["steps"]:
        number = said["step"]
        is_read = said["method"] == "GET" and number in relations.steps_of(script["claim"])
        if not is_read or any(s["step"] > number and s["method"] != "GET" for s in script["steps"]):
            continue
        if number == last and len(replies) > 1:
            continue
        again = lab.send(_read_step(said, replies, tag), is_judged=False)
        if _rows(again) != _rows(replies[number]):
            return False
    return True


def _rows(reply: Reply) -> tuple[int, list[str]]:
    return reply.code, sorted(map(repr, reply.rows or [reply.data]))


def _read_step(said: Mapping[str, Any], replies: Mapping[int, Reply], tag: str) -> Step:
    def filled(name: str, default: Any) -> Any:
        return fill(said[name], replies, tag) if name in said else default

    return Step(
        operation=said["operation"],
        method=said["method"],
        template=said["template"],
        params={name: str(value) for name, value in filled("params", {}).items()},
        query=tuple((name, value) for name, value in filled("query", [])),
        body=filled("body", ABSENT),
        raw=base64.b64decode(said["raw"]) if "raw" in said else None,
        media=said.get("media", ""),
        headers=said.get("headers", {}),
        persona=said.get("persona", "main"),
        creates=said.get("creates", ""),
        url=_followed(said, replies) if "via" in said else filled("url", ""),
        together=said.get("together", 0),
    )


def _followed(said: Mapping[str, Any], replies: Mapping[int, Reply]) -> str:
    try:
        found = relations.evaluate(said["via"], replies)
    except LookupError:
        found = ABSENT
    if found is ABSENT:
        raise CannotRun(f"step {said['via'].get('of')} gives no link {said['via'].get('name')!r}")
    return str(found)


def fill(value: Any, replies: Mapping[int, Reply], tag: str) -> Any:
    """Return a value of a script with its references resolved; raise CannotRun."""
    if isinstance(value, str):
        whole = _TOKEN.fullmatch(value)
        if whole:
            return _resolve(whole, replies)
        return _TOKEN.sub(lambda match: str(_resolve(match, replies)), value).replace(_TAG, tag)
    if isinstance(value, Mapping):
        return {name: fill(inner, replies, tag) for name, inner in value.items()}
    return [fill(inner, replies, tag) for inner in value] if isinstance(value, list) else value


def _resolve(match: re.Match[str], replies: Mapping[int, Reply]) -> Any:
    number, where, way = int(match[1]), match[2], match[3]
    reply = replies.get(number)
    if reply is None:
        raise CannotRun(f"step {number} has not been run")
    found = relations.evaluate(reply.body(where), {reply.step.number: reply})
    if found is ABSENT or found is None:
        raise CannotRun(f"step {number} answers {reply.code} without {where}")
    return _WAYS[way or "as is"](found)


def _bare(value: Any) -> str:
    match = IDENTIFIER.search(str(value).encode())
    return match[0].decode().replace("-", "").lower() if match else str(value)


def _dashed(value: Any) -> str:
    text = _bare(value)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


_WAYS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "as is": lambda value: value,
    "int": int,
    "hex": _bare,
    "dashed": _dashed,
    "upper": lambda value: _bare(value).upper(),
}


# Making smaller


def without_step(script: Script, number: int) -> Script | None:
    """Return a script that lacks a step; None when others or the claim need it."""
    rest = [step for step in script["steps"] if step["step"] != number]
    if number in relations.steps_of(script["claim"]):
        return None
    said = f"${{{number}:"
    is_followed = any(number in relations.steps_of(step.get("via", {})) for step in rest)
    if is_followed or any(said in text for text in _texts([rest, script["claim"]])):
        return None
    return {**script, "steps": rest}


def smaller_bodies(script: Script) -> Iterator[Script]:
    """Yield the script with one member of one body left out."""
    claimed = list(_constants(script["claim"]))
    for index, step in enumerate(script["steps"]):
        body = step.get("body")
        if not isinstance(body, Mapping) or len(body) < 2:
            continue
        for name in list(body):
            # What the claim speaks of has to be sent, or it fails for want of it.
            if name == script.get("about") or body[name] in claimed:
                continue
            rest = {key: value for key, value in body.items() if key != name}
            steps = list(script["steps"])
            steps[index] = {**step, "body": rest}
            yield {**script, "steps": steps}


def _constants(claim: Any) -> Iterator[Any]:
    """Yield the literals of a claim, and what they are made of."""
    if isinstance(claim, Mapping):
        for name, inner in claim.items():
            if name == "const":
                yield inner
                yield from inner if isinstance(inner, list) else ()
            else:
                yield from _constants(inner)
    elif isinstance(claim, list):
        for inner in claim:
            yield from _constants(inner)


def written(script: Script) -> str:
    """Return a script in a few lines for people."""
    lines = []
    for step in script["steps"]:
        path = step.get("url") or step["template"]
        if "via" in step:
            path = f"(the link {step['via'].get('name')!r} of step {step['via']['of']})"
        query = "&".join(f"{name}={value}" for name, value in step.get("query", ()))
        who = "" if step.get("persona", "main") == "main" else f" as {step['persona']}"
        body = f" {relations.show(step['body'])}" if "body" in step else ""
        lines.append(f"{step['method']} {path}{'?' if query else ''}{query}{body}{who}")
    return "\n".join(lines)
