"""Find out whether anything can be tested at all, before anything is claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contract_tests.lab import Lab
from contract_tests.steps import Reply
from mockserver.operation import Operation

_TRIED: Final = 4


class Untestable(Exception):
    """Nothing can be said about this server; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What could be found out: sentences about what is blocked."""

    blocked: tuple[str, ...] = ()


def check(lab: Lab) -> Preflight:
    """Ask a few harmless questions; raise Untestable or Trouble when there is no point in more."""
    asked = [o for o in lab.operations if o.method == "GET" and not o.path_key][:_TRIED]
    if not asked:
        every = lab.subject.spec.operations
        asked = [o for o in every if o.method == "GET" and not o.path_key][:_TRIED]
    with lab.unjudged():
        replies = [lab.call(operation) for operation in asked]
        if replies and not any(reply.is_good for reply in replies):
            raise Untestable(_why(lab, replies[0], asked[0]))
        if replies and all(is_page(reply) for reply in replies if reply.is_good):
            raise Untestable(
                f"{asked[0].method} {asked[0].path} answers a page for people (text/html): "
                "is --url the address of the API?"
            )
        blocked = [*_personas(lab, asked), *_refused(asked, replies)]
    if not asked:
        blocked.append("no operation can be asked without a key: reachability was not checked")
    if lab.mode == "read-only":
        blocked.append("mode read-only: nothing that writes is tested")
    if not any(o.verb == "create" for o in lab.subject.spec.operations):
        blocked.append("the description has no create: only data that exists is tested")
    return Preflight(tuple(blocked))


def _why(lab: Lab, reply: Reply, operation: Operation) -> str:
    code, url = reply.code, lab.client.transport.base_url
    asked = f"{operation.method} {operation.path}"
    if code in (401, 403):
        has_token = "main" in lab.client.credentials
        said = "the token is refused" if has_token else "no token was given"
        return f"{asked} answers {code}: {said}; name the variable that holds it with --token-env"
    if 300 <= code < 400:
        target = reply.received.headers.get("location", "elsewhere")
        return (
            f"{asked} redirects to {target}: a login page or another address? "
            "Check --url and the token"
        )
    if code == 404:
        return f"{asked} answers 404: {url} does not serve this API; does --url lack a prefix?"
    if code >= 500:
        return f"{asked} answers {code}, and so does all else that was tried: the server is unwell"
    return f"{asked} answers {code}, and nothing that was tried succeeds"


def is_page(reply: Reply) -> bool:
    """Tell whether an answer is a page for people."""
    return reply.is_good and reply.received.media_type in ("text/html", "application/xhtml+xml")


def _personas(lab: Lab, asked: list[Operation]) -> Iterator[str]:
    secured = next((o for o in asked if not o.is_public), None)
    if "stranger" not in lab.personas:
        yield "no persona `stranger`: that permissions are asked for is not tested"
    if secured is None:
        return
    for name in lab.personas:
        if name in ("main", "nobody", "invalid", "inactive", "expired"):
            continue
        code = lab.call(secured, persona=name).code
        if code == 401:
            yield f"the token of {name} is refused: nothing is tested as {name}"


def _refused(asked: list[Operation], replies: list[Reply]) -> Iterator[str]:
    for operation, reply in zip(asked, replies, strict=True):
        if not reply.is_good:
            yield f"{operation.id} answers {reply.code} to the main persona"
