"""Answer requests: put the parts together, errors to responses in one place."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from mockserver import auth, decoder, metadata, renderer
from mockserver.actions import EPOCH, Bound, Call, Scope
from mockserver.api import Api
from mockserver.cache import Answers, Kept
from mockserver.effects import check_effect
from mockserver.errors import (
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    Rejection,
    ResponseDefect,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from mockserver.exchange import Request, Response
from mockserver.json_types import JSON, Key, Record
from mockserver.router import Route, Router
from mockserver.store import State, Store, Transaction

_NOT_FOUND_PAGE: Final = (
    b'\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n'
    b"  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n"
    b"</body>\n</html>\n"
)
#: The bits of a random uuid that are not random, and what they are (RFC 9562, 5.4).
_UUID_BITS: Final = 0xF << 76 | 0b11 << 62
_UUID_4: Final = 4 << 76 | 0b10 << 62
#: The smallest difference between two instants.
_INSTANT: Final = timedelta(microseconds=1)
#: Answers to these are kept, and these headers are what they follow from.
_KEPT: Final = frozenset({"GET", "HEAD"})
_TELLING: Final = ("host", "authorization", "accept", "origin")
_HOST_CHARACTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"
)
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": (
        "Link, X-Result-Count, Location, Allow, Retry-After, Preference-Applied"
    ),
}
_PREFLIGHT: Final = {
    **_CORS,
    "Access-Control-Allow-Methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
    "Access-Control-Max-Age": "86400",
}
_CORS_HEADERS: Final = (
    "Accept, Accept-Encoding, Authorization, Content-Type, Origin, User-Agent, X-CSRFToken, "
    "X-Requested-With, X-Impersonated-User-Uuid"
)


@dataclass(frozen=True, slots=True)
class Options:
    """
    What `serve` may be told: strictness, CORS, and how chance is seeded.

    `keeps` is whether answers are kept; not where they follow from more than records.
    """

    strict: bool = False
    cors: bool = True
    seed: int = 0
    keeps: bool = True


@dataclass(slots=True)
class Exchange:
    """What became of one request; `user` is the key of the caller's record."""

    response: Response
    operation: str = ""
    defect: Exception | None = None
    user: Key | None = None


@dataclass(slots=True)
class _Context:
    """What is known so far of the request being answered; `now` is when it came."""

    now: datetime = EPOCH
    allow: str = ""
    operation: str = ""
    defect: Exception | None = None
    user: Key | None = None
    is_timed: bool = False
    since: datetime | None = None
    until: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Application:
    """One API over one store. Synchronous: a request is answered without awaiting."""

    def __init__(
        self, api: Api, store: Store, clock: Callable[[], datetime], options: Options = Options()
    ) -> None:
        self._set_out(store, clock, options)
        self.api = api
        self._answers = Answers()
        self._is_drf = api.conventions["dialect"] == "drf"
        self._rules = rules = api.conventions["auth"]
        self._acting = said = (rules or {}).get("impersonation")
        self._telling = (*_TELLING, said["header"].lower()) if said else _TELLING
        self._lifetime = (rules or {}).get("lifetime", "")
        self.router = Router(api.operations.values())
        self.judge = renderer.Judge(api.spec.document)
        self._prefix, _, self._suffix = (
            (api.conventions["media"] or {}).get("path", "").partition("{key}")
        )
        tokens = api.spec.resources[rules["tokens"]] if rules else None
        self._user_key = (
            api.spec.resources[tokens.relations[rules["user"]].to].key if tokens else ""
        )

    def _set_out(self, store: Store, clock: Callable[[], datetime], options: Options) -> None:
        self.store, self.clock, self.options = store, clock, options
        self._last_use = auth.LastUse(clock)
        self._since: datetime | None = None
        self._due: datetime | None = None

    def with_api(self, api: Api) -> Application:
        """Return an application of another API on the same data."""
        store = Store(api.spec.resources, self.store.state)
        return Application(api, store, self.clock, self.options)

    def beside(self, store: Store, clock: Callable[[], datetime], seed: int) -> Application:
        """Return an application of the same API on other data; it shares what is compiled."""
        made = copy.copy(self)
        made._set_out(store, clock, replace(self.options, seed=seed))  # noqa: SLF001  it is one of us
        return made

    @property
    def since(self) -> datetime | None:
        """Until when jobs have run; None before the first request."""
        return self._since

    def live_by(self, clock: Callable[[], datetime]) -> None:
        """Tell the time by another clock from now on."""
        self.clock, self._last_use = clock, auth.LastUse(clock)

    def starts_at(self, instant: datetime) -> None:
        """Take the records for those of an instant: jobs due after it are still to come."""
        self._since, self._due = instant, None

    def answer(self, request: Request) -> Exchange:
        """Return the response to a request; never raises."""
        context = _Context()
        key: tuple[Any, ...] | None = None
        try:
            context.now = self.clock()
            self._catch_up(context.now)
            if self.options.keeps and request.method in _KEPT and not request.body:
                key = self._key(request)
                kept = self._answers.find(key, context.now)
                if kept is not None:
                    return Exchange(kept.response, kept.operation, None, kept.user)
            response = self._route(request, context)
        except Rejection as rejection:
            response = self._reject(request, rejection)
        except Exception as defect:  # noqa: BLE001  the last line of defence: no request kills us
            context.defect = defect
            response = self._confess(defect)
        dressed = self._dress(request, response, context)
        if key is not None and context.since is not None and response.status == 200:
            kept = Kept(dressed, context.operation, context.user, context.since, context.until)
            self._answers.keep(key, kept)
        return Exchange(dressed, context.operation, context.defect, context.user)

    def _key(self, request: Request) -> tuple[Any, ...]:
        """Return everything that the answer to a GET follows from, but the time."""
        headers = request.headers
        return (
            self.store.state.number,
            self.options.seed,
            request.method,
            request.path,
            request.query,
            request.mount,
            request.scheme,
            *[headers.get(name) for name in self._telling],
        )

    def refuse(self, request: Request, rejection: Rejection) -> Exchange:
        """Return the response to a request that is refused before it is looked at."""
        return self.pass_on(request, self._reject(request, rejection))

    def pass_on(self, request: Request, response: Response) -> Exchange:
        """Return a response that was made elsewhere, in the dress of this API."""
        found = self.router.match(request.path)
        bound = found[0].bound(request.method) if found else None
        context = _Context(
            allow=found[0].allow if found else "",
            operation=bound.operation.id if bound is not None else "",
        )
        return Exchange(
            self._dress(request, response, context), context.operation, None, self._asker(request)
        )

    def _asker(self, request: Request) -> Key | None:
        """Return whose token a request has, if anybody's; it does not count as use."""
        try:
            user = auth.caller(
                request.headers.get("authorization", ""),
                self.store.read(),
                self._rules,
                self.api.spec.resources,
                auth.LastUse(self.clock),
            )
        except Rejection:
            return None
        return None if user is None else user[self._user_key]

    def catch_up(self) -> None:
        """Run the jobs whose time has come since records were last looked at."""
        self._catch_up(self.clock())

    def _catch_up(self, now: datetime) -> None:
        jobs = self.api.pack.jobs
        if not jobs or (self._due is not None and now < self._due):
            return
        since = self._since or now
        due = min(job.due(since) for job in jobs)
        while due <= now:
            with self.store.transaction() as transaction:
                for job in jobs:
                    if job.due(due - _INSTANT) == due:
                        job.run(transaction, due)
            since, due = due, min(job.due(due) for job in jobs)
        self._since, self._due = now, due

    # The way of a request

    def _route(self, request: Request, context: _Context) -> Response:
        if not _HOST_CHARACTERS.issuperset(request.headers.get("host", "")):
            raise Malformed("Invalid HTTP_HOST header.")
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            return Response(200, self._preflight(request))
        if self._prefix and request.path.startswith(self._prefix):
            return self._media(request)
        found = self.router.match(request.path)
        if found is None:
            return self._no_route(request)
        route, path = found
        context.allow = route.allow
        bound = route.bound(request.method)
        context.operation = bound.operation.id if bound is not None else ""
        query = request.parameters()
        self._negotiate(request, query)
        store = self.store.read()
        user = auth.caller(
            request.headers.get("authorization", ""),
            store,
            self._rules,
            self.api.spec.resources,
            self._last_use,
        )
        if user is not None:
            context.user = user[self._user_key]
            # Each use of a token that may lie idle for too long counts.
            context.is_timed = bool(self._lifetime) and user.get(self._lifetime) is not None
        user = self._stand_in(request, store, user, context)
        is_public = bound is not None and bound.operation.is_public
        if user is None and not is_public and self._needs_caller(route):
            raise Unauthenticated
        if request.method == "OPTIONS" and not self._is_drf:
            return Response(204, {})
        if request.method == "OPTIONS":
            return Response(200, {"Content-Type": "application/json"}, metadata.describe(route))
        if bound is None:
            raise MethodNotAllowed(request.method)
        return self._perform(request, context, bound, path, query, user)

    def _perform(
        self,
        request: Request,
        context: _Context,
        bound: Bound,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        user: Record | None,
    ) -> Response:
        state = self.store.state
        call = Call(
            operation=bound.operation,
            path=path,
            query=query,
            now=context.now,
            new_id=_Ids(self.options.seed, state),
            random=lambda key: _digest(f"{self.options.seed}/{state.version}/{key}"),
            read_body=lambda scope: decoder.read_body(bound, request, scope),
            user=user,
            base_url=request.base_url,
        )
        scope = Scope(call, bound, self.store.read(), self.api.pack.may)
        response = self._act(request, scope)
        if bound.operation.writes:
            self.store.keep(scope.store)
        elif scope.until is not EPOCH and not context.is_timed:
            context.since, context.until = context.now, scope.until
        return response

    def _stand_in(
        self, request: Request, store: Transaction, user: Record | None, context: _Context
    ) -> Record | None:
        """Return whom the caller acts as, and say in a header who he really is."""
        said = self._acting
        if said is None or self._rules is None or user is None:
            return user
        asked = request.headers.get(said["header"].lower(), "")
        other = asked and auth.stand_in(asked, user, store, self._rules, self.api.spec.resources)
        if not other:
            return user
        context.headers[said["answer"]] = str(user[self._user_key])
        return other

    def _needs_caller(self, route: Route) -> bool:
        return any(bound.operation.is_secured for bound in route.bounds.values())

    def _act(self, request: Request, scope: Scope) -> Response:
        bound = scope.bound
        response = renderer.render(bound, request, bound.action(scope))
        if bound.operation.permission is not None and not scope.is_asked:
            # A pack function that forgets to ask must not become a hole.
            raise ResponseDefect(f"{bound.operation.id} never asked for its x-permission")
        if self.options.strict:
            parameter = bound.conventions["fieldset"]["parameter"]
            asked = bound.operation.has_fieldset and parameter in scope.call.query
            self.judge.check(bound.operation, response, has_fieldset=asked)
            check_effect(bound, scope.store)
        return response

    # Around it

    def _no_route(self, request: Request) -> Response:
        if self.api.conventions["trailing_slash"] == "redirect" and not request.path.endswith("/"):
            slashed = request.path + "/"
            if self.router.match(slashed) is not None:
                query = f"?{request.query}" if request.query else ""
                target = f"{request.mount}{slashed}{query}"
                return Response(
                    301, {"Location": target, "Content-Type": "text/html; charset=utf-8"}
                )
        if not self._is_drf:
            raise NotFound
        return Response(404, {"Content-Type": "text/html; charset=utf-8"}, _NOT_FOUND_PAGE)

    def _negotiate(self, request: Request, query: Mapping[str, list[str]]) -> None:
        if self._is_drf and _asked_format(request, query) not in ("json", ""):
            raise NotFound
        if not accepts_json(request.headers.get("accept", "")):
            raise NotAcceptable

    def _media(self, request: Request) -> Response:
        key = request.path[len(self._prefix) :]
        if self._suffix and key.endswith(self._suffix):
            key = key[: -len(self._suffix)]
        found = self.store.read().get("media", key)
        if found is None or request.method not in ("GET", "HEAD"):
            raise NotFound
        headers = {"Content-Type": found["content_type"], "Content-Disposition": "attachment"}
        return Response(200, headers, base64.b64decode(found["data"]))

    def _preflight(self, request: Request) -> dict[str, str]:
        if not self.options.cors:
            return {}
        asked = request.headers.get("access-control-request-headers", "")
        extra = "".join(f", {name.strip()}" for name in asked.split(",") if name.strip())
        return {**_PREFLIGHT, "Access-Control-Allow-Headers": _CORS_HEADERS + _printable(extra)}

    def _reject(self, request: Request, rejection: Rejection) -> Response:
        body, media_type = self.api.dialect(rejection)
        headers = {"Content-Type": media_type}
        if isinstance(rejection, Unauthenticated) and self._rules:
            headers["WWW-Authenticate"] = self._rules["keyword"]
        if isinstance(rejection, TooMany | Unavailable):
            headers["Retry-After"] = str(rejection.seconds)
        content = renderer.encode(_sendable(body), request.headers.get("accept", ""))
        return Response(rejection.status, headers, content)

    def _confess(self, defect: Exception) -> Response:
        kind = "The answer breaks the spec" if isinstance(defect, ResponseDefect) else "Our mistake"
        text = f"{kind}: {defect}" if isinstance(defect, ResponseDefect) else kind
        body: dict[str, JSON] = {"detail": _sendable(text)}
        if self._is_drf:
            return Response(500, {"Content-Type": "application/json"}, renderer.encode(body))
        body = {"type": "about:blank", "title": "Internal Server Error", "status": 500, **body}
        return Response(500, {"Content-Type": "application/problem+json"}, renderer.encode(body))

    def _dress(self, request: Request, response: Response, context: _Context) -> Response:
        headers = dict(response.headers)
        if context.allow:
            headers["Allow"] = context.allow
            headers.update(self.api.conventions["headers"])
            headers.update(context.headers)
        if self.options.cors and "origin" in request.headers:
            for name, value in _CORS.items():
                headers.setdefault(name, value)
        return Response(response.status, headers, response.body)


@lru_cache(maxsize=256)
def accepts_json(header: str) -> bool:
    """Tell whether an Accept header admits JSON; an empty one admits everything."""
    ranges = [part.partition(";")[0].strip().lower() for part in header.split(",")]
    return any(r in ("", "*/*", "application/*", "application/json") for r in ranges)


class _Ids:
    """New ids of one call: the same seed and the same state give the same ids."""

    __slots__ = ("_seed", "_state", "_used")

    def __init__(self, seed: int, state: State) -> None:
        self._seed, self._state, self._used = seed, state, 0

    def __call__(self) -> str:
        self._used += 1
        text = f"{self._seed}/{self._state.version}/id/{self._used}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
        return f"{number & ~_UUID_BITS | _UUID_4:032x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _asked_format(request: Request, query: Mapping[str, list[str]]) -> str:
    """Return the format a query names, or the suffix of a path (rest_framework.urlpatterns)."""
    named = query.get("format")
    if named and named[-1]:
        return named[-1]
    return request.path.rstrip("/").rpartition("/")[2].partition(".")[2]


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "-_, ")


def _sendable(body: JSON) -> Any:
    """Replace what UTF-8 cannot carry: a lone surrogate that a message quotes."""
    if isinstance(body, str):
        return body.encode("utf-8", "replace").decode()
    if isinstance(body, dict):
        return {_sendable(name): _sendable(value) for name, value in body.items()}
    return [_sendable(item) for item in body] if isinstance(body, list) else body
