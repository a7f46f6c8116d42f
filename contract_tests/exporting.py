"""Write a script as a test, or as commands, that need nothing of ours."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from contract_tests.curl import curl

_TOKEN: Final = re.compile(r"\$\{(\d+):([^}|]*)(?:\|(\w+))?\}|\$\{tag\}")

_HEAD: Final = '''"""{says}

Needs pytest and requests. BASE_URL and TOKEN (the whole Authorization header) come from
the environment; other callers from TOKEN_<NAME>.
"""

import os
import secrets

import requests

BASE = os.environ.get("BASE_URL", {url!r})


def call(method, path, persona="main", **more):
    headers = dict(more.pop("headers", {{}}))
    name = "TOKEN" if persona == "main" else f"TOKEN_{{persona.upper()}}"
    if persona != "nobody" and os.environ.get(name):
        headers.setdefault("Authorization", os.environ[name])
    url = path if path.startswith("http") else BASE + path
    return requests.request(
        method, url, headers=headers, timeout=30, allow_redirects=False, **more
    )
'''

_HELPERS: Final[Mapping[str, str]] = {
    "at": """
def at(value, pointer):
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and not step.isdigit():
            value = [at(each, "/" + step) for each in value]
        elif isinstance(value, list):
            value = value[int(step)]
        else:
            value = (value or {}).get(step)
    return value
""",
    "rows": """
def rows(response):
    found = response.json()
    if isinstance(found, dict):
        found = next((v for v in found.values() if isinstance(v, list)), [])
    return found
""",
    "bag": """
def bag(values):
    return sorted(repr(value) for value in values)
""",
    "bare": """
def bare(value):
    return str(value).rstrip("/").rpartition("/")[2].replace("-", "").lower()
""",
    "passes": """
def passes(row, test):
    if "any" in test:
        return any(passes(row, each) for each in test["any"])
    if "all" in test:
        return all(passes(row, each) for each in test["all"])
    if "not" in test:
        return not passes(row, test["not"])
    pointers = [test["at"]] if isinstance(test["at"], str) else test["at"]
    wanted = test["value"] if isinstance(test["value"], list) else [test["value"]]
    for pointer in pointers:
        shown = at(row, pointer)
        if test["lookup"] == "isnull":
            return (shown in (None, [])) is (str(test["value"]).lower() == "true")
        for each in shown if isinstance(shown, list) else [shown]:
            if each is not None and any(compares(each, one, test) for one in wanted):
                return True
    return False


def compares(shown, wanted, test):
    kind, lookup = test.get("kind", "text"), test["lookup"]
    if kind == "number":
        shown, wanted = float(shown), float(wanted)
    elif kind == "boolean":
        shown, wanted = str(shown).lower(), str(wanted).lower()
    elif kind == "uuid":
        shown, wanted = (str(v).replace("-", "").lower() for v in (shown, wanted))
    elif lookup in ("iexact", "icontains"):
        shown, wanted = str(shown).casefold(), str(wanted).casefold()
    else:
        shown, wanted = str(shown), str(wanted)
    return {
        "exact": lambda: shown == wanted, "in": lambda: shown == wanted,
        "iexact": lambda: shown == wanted, "contains": lambda: wanted in shown,
        "icontains": lambda: wanted in shown, "startswith": lambda: shown.startswith(wanted),
        "gt": lambda: shown > wanted, "gte": lambda: shown >= wanted,
        "lt": lambda: shown < wanted, "lte": lambda: shown <= wanted,
    }[lookup]()
""",
    "ordered": """
def ordered(found, keys):
    def value(row, key):
        shown = at(row, key["at"])
        if shown is None:
            return (1 if key.get("nulls", "high") == "high" else -1, 0)
        shown = float(shown) if key["kind"] == "number" else str(shown)
        return (0, shown.casefold() if isinstance(shown, str) else shown)

    for before, after in zip(found, found[1:]):
        for key in keys:
            a, b = value(before, key), value(after, key)
            if a != b:
                if (a > b) != bool(key.get("desc")):
                    return False
                break
    return True
""",
}
_NEEDS: Final = {"passes": ("at",), "ordered": ("at",)}


def export(script: Mapping[str, Any], form: str, url: str) -> str:
    """Return a script as `pytest`, `curl` or `http`; raises KeyError for what is no script."""
    return {"pytest": _pytest, "curl": _curl, "http": _http}[form](script, url.rstrip("/"))


def _curl(script: Mapping[str, Any], url: str) -> str:
    lines = [
        f"# {script['says']}",
        "# ${n:/pointer} is what step n answered there; ${tag} a new word",
    ]
    for step in script["steps"]:
        lines += [f"# step {step['step']}: {step['operation']}", curl(step, url)]
    return "\n".join(lines) + "\n"


def _http(script: Mapping[str, Any], url: str) -> str:
    blocks = []
    for step in script["steps"]:
        path = step.get("url") or step["template"]
        for name, value in step.get("params", {}).items():
            path = path.replace(f"{{{name}}}", str(value))
        query = "&".join(f"{name}={value}" for name, value in step.get("query", ()))
        target = path if path.startswith(("http", "$")) else f"{url}{path}"
        lines = [f"### {step['step']} {step['operation']}"]
        lines += [f"{step['method']} {target}{'?' if query else ''}{query}"]
        if step.get("persona") != "nobody":
            lines.append("Authorization: {{token}}")
        if "body" in step:
            lines += ["Content-Type: application/json", "", json.dumps(step["body"], indent=1)]
        blocks.append("\n".join(lines))
    return f"# {script['says']}\n" + "\n\n".join(blocks) + "\n"


def _combined(word: str, found: list[str]) -> str:
    if word == "list":
        return f"[{', '.join(found)}]"
    if word == "join":
        return " + ".join(found) or "[]"
    way = "in" if word == "meet" else "not in"
    return f"[each for each in {found[0]} if each {way} {found[1]}]"


class _Writer:
    """Collects the helpers that the written code turns out to need."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def use(self, name: str) -> str:
        self.used |= {name, *_NEEDS.get(name, ())}
        return name

    def token(self, match: re.Match[str]) -> str:
        if match[0] == "${tag}":
            return "tag"
        number, where, way = match[1], match[2], match[3]
        found = f"{self.use('at')}(r{number}.json(), {where!r})"
        if way == "hex":
            return f"{self.use('bare')}({found})"
        return f"str({found})" if way == "upper" else found

    def value(self, value: Any) -> str:
        """Return a value of a script as Python source."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            inner = ", ".join(f"{name!r}: {self.value(each)}" for name, each in value.items())
            return "{" + inner + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self.value(each) for each in value) + "]"
        return repr(value)

    def text(self, text: str) -> str:
        whole = _TOKEN.fullmatch(text)
        if whole:
            return self.token(whole)
        if not _TOKEN.search(text):
            return repr(text)
        parts, last = [], 0
        for match in _TOKEN.finditer(text):
            if match.start() > last:
                parts.append(repr(text[last : match.start()]))
            parts.append(f"str({self.token(match)})")
            last = match.end()
        if last < len(text):
            parts.append(repr(text[last:]))
        return " + ".join(parts)

    def step(self, step: Mapping[str, Any]) -> str:
        path = step.get("url") or step["template"]
        for name, value in step.get("params", {}).items():
            path = path.replace(f"{{{name}}}", str(value))
        target = self.expression(step["via"]) if "via" in step else self.text(path)
        parts = [repr(step["method"]), target]
        if step.get("persona", "main") != "main":
            parts.append(f"persona={step['persona']!r}")
        if step.get("query"):
            pairs = ", ".join(f"({n!r}, {self.value(v)})" for n, v in step["query"])
            parts.append(f"params=[{pairs}]")
        headers = dict(step.get("headers", {}))
        if "body" in step:
            parts.append(f"json={self.value(step['body'])}")
        if "raw" in step:
            parts.append(f"data={base64.b64decode(step['raw'])!r}")
            headers["Content-Type"] = step.get("media") or "application/json"
        if headers:
            parts.append(f"headers={headers!r}")
        return f"r{step['step']} = call({', '.join(parts)})"

    def expression(self, expr: Mapping[str, Any]) -> str:
        """Return an expression of a claim as Python source."""
        if "const" in expr:
            return self.value(expr["const"])
        if "of" in expr:
            return self.selection(expr)
        if "plus" in expr:
            return f"int({self.expression(expr['plus'][0])}) + {expr['plus'][1]}"
        if "length" in expr:
            return f"len({self.expression(expr['length'])})"
        if "first" in expr:
            return f"next(iter({self.expression(expr['first'])}), None)"
        word, parts = next(iter(expr.items()))
        return _combined(word, [self.expression(part) for part in parts])

    def selection(self, expr: Mapping[str, Any]) -> str:
        """Return what an expression selects of one answer, as Python source."""
        reply, at = f"r{expr['of']}", expr["at"]
        plain = {
            "status": f"{reply}.status_code",
            "media": f'{reply}.headers.get("Content-Type", "").partition(";")[0]',
            "header": f"{reply}.headers.get({expr.get('name', '')!r})",
            "raw": f"{reply}.text",
        }
        if at in plain:
            return plain[at]
        if at == "link":
            return self.linked(reply, expr)
        if at == "body":
            found = f"{self.use('at')}({reply}.json(), {expr.get('name', '')!r})"
            return self.trimmed(found, expr)
        source = f"{self.use('rows')}({reply})"
        kept = (
            f" if {self.use('passes')}(row, {self.value(expr['where'])})" if "where" in expr else ""
        )
        shown = {
            "ids": 'next(row[k] for k in ("uuid", "id", "key") if k in row)',
            "column": f"{self.use('at')}(row, {expr.get('name', '')!r})",
            "columns": f"[{self.use('at')}(row, name) for name in {expr.get('names', [])!r}]",
            "keys": "sorted(row)",
        }.get(at, "row")
        listed = f"[{self.trimmed(shown, expr)} for row in {source}{kept}]"
        return f"len({listed})" if at == "count" else listed

    def linked(self, reply: str, expr: Mapping[str, Any]) -> str:
        """Return where a page link leads, as Python source."""
        if "member" in expr:
            return f"{self.use('at')}({reply}.json(), {expr['member']!r})"
        return f'{reply}.links.get({expr["name"]!r}, {{}}).get("url")'

    def trimmed(self, source: str, expr: Mapping[str, Any]) -> str:
        for word, way in (("only", "in"), ("without", "not in")):
            if word in expr:
                names = list(expr[word])
                return f"{{k: v for k, v in {source}.items() if k {way} {names!r}}}"
        return source

    def assertion(self, claim: Mapping[str, Any]) -> str:
        relation = claim["relation"]
        if relation == "conforms":
            return f"assert r{claim['left']['of']}.status_code < 500, r{claim['left']['of']}.text"
        left = self.expression(claim["left"])
        right = self.expression(claim["right"]) if "right" in claim else ""
        return f"assert {self._relation(relation, left, right, claim)}"

    def _relation(self, relation: str, left: str, right: str, claim: Mapping[str, Any]) -> str:
        bag = self.use("bag") if relation in ("same_set", "subset", "superset", "disjoint") else ""
        made: Mapping[str, Callable[[], str]] = {
            "equal": lambda: f"{left} == {right}",
            "unequal": lambda: f"{left} != {right}",
            "same_set": lambda: f"{bag}({left}) == {bag}({right})",
            "subset": lambda: f"set({bag}({left})) <= set({bag}({right}))",
            "superset": lambda: f"set({bag}({left})) >= set({bag}({right}))",
            "disjoint": lambda: f"not set({bag}({left})) & set({bag}({right}))",
            "among": lambda: f"{left} in {right}",
            "not_among": lambda: f"{left} not in {right}",
            "has": lambda: f"set({right}) <= set({left})",
            "greater": lambda: f"{left} > {right}",
            "present": lambda: f"{left} is not None",
            "absent": lambda: f"{left} is None",
            "empty": lambda: f"not {left}",
            "distinct": lambda: f"len({left}) == len(set(map(repr, {left})))",
            "sorted": lambda: f"{self.use('ordered')}({left}, {claim['by']!r})",
            "each": lambda: (
                f"all({self.use('passes')}(row, {self.value(claim['test'])}) for row in {left})"
            ),
            "none": lambda: (
                f"not any({self.use('passes')}(row, {self.value(claim['test'])}) for row in {left})"
            ),
        }
        return made[relation]()


def _pytest(script: Mapping[str, Any], url: str) -> str:
    writer = _Writer()
    lines = [writer.step(step) for step in script["steps"]]
    claim = script["claim"]
    if claim["relation"] == "conforms":
        number = claim["left"]["of"]
        lines.append(f"# {claim['rule']}: {script['shape']}")
        lines.append(f"assert {_conformance(claim, script, number)}, r{number}.text")
    else:
        lines.append(writer.assertion(claim))
    name = re.sub(
        r"\W+", "_", f"{script['property']}_{script['operation']}_{script['about']}"
    ).lower()
    helpers = "".join(f"\n{_HELPERS[each]}" for each in _HELPERS if each in writer.used)
    body = "\n".join(f"    {line}" for line in lines)
    head = _HEAD.format(says=script["says"].replace('"""', "'''"), url=url)
    tag = '    tag = "zq" + secrets.token_hex(3)\n'
    return f"{head}{helpers}\n\ndef test_{name.strip('_')}():\n{tag}{body}\n"


def _conformance(claim: Mapping[str, Any], script: Mapping[str, Any], number: int) -> str:
    """Return what can be asserted of an answer without the description at hand."""
    rule, about = claim["rule"], claim.get("about", "")
    if rule == "A1":
        return f"r{number}.status_code < 500"
    if rule == "A2":
        status = script["shape"].rpartition(" ")[2]
        return f"r{number}.status_code != {status}"
    if rule == "A6":
        return f"{about!r} in r{number}.headers"
    if rule == "A5":
        return f"'\"{about}\"' not in r{number}.text"
    if script["shape"].startswith("required"):
        return f"'\"{about}\"' in r{number}.text"
    if rule == "A3":
        expected = script.get("expected", "application/json")
        return f'r{number}.headers.get("Content-Type", "").startswith({expected!r})'
    raise ValueError(
        "a claim about a schema needs the description: use `contract-tests replay` or --format curl"
    )
