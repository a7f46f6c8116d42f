"""Put worlds around the application: which session, what is wished for, what goes wrong."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from datetime import date, datetime
from typing import Final, Protocol, TypeAlias, TypeVar

from mockserver import assets, dialects, faults, preferences, renderer, samples
from mockserver.api import Api
from mockserver.app import Application, Exchange
from mockserver.clock import Clock
from mockserver.delivery import WHOLE, Delivery
from mockserver.errors import Invalid, Malformed, NotFound, Rejection, Unavailable
from mockserver.exchange import MOUNT, Request, Response
from mockserver.frozen import dataclass
from mockserver.guard import Guard
from mockserver.operation import Operation
from mockserver.scenario import Scenario
from mockserver.session import DEFAULT, Session, Sessions, Snapshot
from mockserver.store import State

T = TypeVar("T")
PREFIX: Final = "/__mock__"
HEADER: Final = "x-mock-session"
#: Loads a scenario by name, with a seed or the one it names, as of an instant.
Loader: TypeAlias = Callable[[str, "int | None", datetime], Scenario]
#: Answered to anybody: those who look after processes have no token.
_OPEN: Final = frozenset({"/health", "/ready"})
#: No page elsewhere may frame, sniff or keep what the admin API answers.
_PRIVATE: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: So many scenarios are kept filled, of other names and seeds than the server's own.
_MAX_STARTS: Final = 32


class Administration(Protocol):
    """The admin API, as the hub uses it."""

    @property
    def body_limit(self) -> int:
        """How long the body of a request may be, in bytes."""
        ...

    def answer(self, request: Request) -> Exchange:
        """Return the response to a request; never raises."""
        ...

    def follow(
        self, request: Request
    ) -> Callable[[Callable[[bytes], None]], Callable[[], None]] | None:
        """Return how to subscribe to what follows an answer; None when it has an end."""
        ...


class Agreement(Protocol):
    """What keeps the worlds of several servers the same."""

    def refresh(self) -> None:
        """Take over what others did; raise Unavailable."""
        ...

    def carry_out(self, work: Callable[[], T], name: str = "") -> T:
        """
        Return what comes of something that is done to worlds, when all agree to it.

        Only to that of a name, if one is given. It may be done more than once. Raises
        what it raises, and Unavailable; nothing has changed then.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


#: Makes the admin API of a hub.
Admin: TypeAlias = "Callable[[Hub], Administration]"


@dataclass(frozen=True, slots=True)
class Stream:
    """
    An answer without an end.

    `subscribe` is given what to call with each piece, and returns what ends it.
    """

    headers: Mapping[str, str]
    subscribe: Callable[[Callable[[bytes], None]], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a request: the answer, and how it goes over the wire."""

    exchange: Exchange
    delivery: Delivery = WHOLE
    stream: Stream | None = None
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `serve` may be told about worlds and the admin surface."""

    guard: Guard = field(default_factory=Guard)
    requires_session: bool = False
    has_admin: bool = True
    max_sessions: int = 10_000
    lifetime: float = 3600.0


DEFAULTS: Final = Settings()


class Hub:
    """All worlds of one API. Synchronous, like the application."""

    def __init__(
        self,
        application: Application,
        scenario: Scenario,
        load: Loader | None = None,
        *,
        scenarios: Callable[[], Mapping[str, str]] = dict,
        settings: Settings = DEFAULTS,
        admin: Admin | None = None,
    ) -> None:
        self.settings = settings
        self.scenarios = scenarios
        self._load = load
        self._make_admin = admin
        self._admin: Administration | None = None
        self._starts: dict[tuple[str, int | None, date], Snapshot] = {}
        clock = application.clock
        self.clock = clock if isinstance(clock, Clock) else Clock(fixed=clock())
        self._start = Snapshot(application.store.state, self.clock(), scenario)
        self.sessions = Sessions(
            application,
            lambda: self._start,
            self.clock,
            limit=settings.max_sessions,
            lifetime=settings.lifetime,
        )
        self._agreement: Agreement | None = None

    def share(self, at: datetime, make: Callable[[Sessions, Snapshot], Agreement]) -> None:
        """
        Make the worlds those that several servers agree on.

        `at` is when the first of them started; `make` raises what keeps it from agreeing.
        """
        self._start = replace(self._start, at=at)
        self.sessions.drop(DEFAULT)
        self._agreement = make(self.sessions, self._start)

    def close(self) -> None:
        """Let go of what the worlds are shared by."""
        if self._agreement is not None:
            self._agreement.close()

    @property
    def application(self) -> Application:
        """What answers in the default session."""
        return self.sessions.default.application

    # Answering

    def answer(self, request: Request) -> Outcome:
        """Return what becomes of a request; never raises."""
        inside, name = _placed(request)
        if not inside.path.startswith(PREFIX):
            return self._api(inside, name)
        if inside.mount:
            # The admin API below a session's address is about that session.
            headers = {**request.headers, HEADER: name}
            inside = replace(inside, headers=headers, mount="")
        return self._own(inside)

    def refuse(self, request: Request, rejection: Rejection) -> Outcome:
        """Return what becomes of a request whose body was not even read."""
        inside, name = _placed(request)
        if inside.path.startswith(PREFIX):
            return Outcome(_problem(rejection))
        try:
            session = self._session(inside, name)
        except Rejection as other:
            return Outcome(self.application.refuse(inside, other), session=DEFAULT)
        exchange = session.application.refuse(inside, rejection)
        session.journal.record(inside, exchange, 0.0)
        return Outcome(exchange, session=session.name)

    def is_usual(self, request: Request) -> bool:
        """Tell whether an answer goes out at once and whole: no fault, no wish, no stream."""
        inside, name = _placed(request)
        if inside.path.startswith(PREFIX):
            return False
        name = self._name(inside, name)
        # One that is not there yet is made when the request is answered.
        session = self.sessions.named(name) if name else self.sessions.default
        return session is not None and _is_plain(session, inside)

    def body_limit(self, target: str) -> int:
        """Return how long the body of a request may be, in bytes."""
        if self._has_admin and MOUNT.sub("", target).startswith(PREFIX):
            return self.admin.body_limit
        return int(self.application.api.conventions["body_limit"])

    def _api(self, request: Request, name: str) -> Outcome:
        started = time.perf_counter()
        try:
            if self._agreement is not None and not _is_preflight(request):
                self._agreement.refresh()
            session = self._session(request, name)
        except Rejection as rejection:
            return Outcome(self.application.refuse(request, rejection), session=DEFAULT)
        before = session.state
        note: tuple[str, ...] = ()
        delivery = WHOLE
        if not _is_plain(session, request):
            exchange, delivery, note = self._controlled(session, request)
        elif self._agreement is None:
            exchange = session.answer(request)
        else:
            exchange = self._carry_out(session, request)
        if self._agreement is not None:
            # Made again, where others made it first.
            session = self.sessions.named(session.name) or session
        seconds = time.perf_counter() - started
        wrote = session.state is not before
        session.journal.record(request, exchange, seconds, note, wrote)
        return Outcome(exchange, delivery, session=session.name)

    def _session(self, request: Request, name: str) -> Session:
        """Return the session that a request is about; Rejection when it cannot have one."""
        name = self._name(request, name)
        if name:
            return self.sessions.get(name)
        if self.settings.requires_session:
            raise Malformed(
                "This server wants every request to name a session; send the header "
                f"X-Mock-Session, or use the base URL {PREFIX}/s/NAME."
            )
        return self.sessions.default

    def _name(self, request: Request, name: str) -> str:
        """Return the name of a request's session: what it says, or what its token is bound to."""
        if name or not self.sessions.tokens:
            return name
        words = request.headers.get("authorization", "").split()
        return self.sessions.tokens.get(words[-1], "") if words else ""

    # On request only: wishes and faults

    def _controlled(
        self, session: Session, request: Request
    ) -> tuple[Exchange, Delivery, tuple[str, ...]]:
        """Answer a request that wishes for something, or that a fault may befall."""
        application = session.application
        try:
            wishes = preferences.read(request)
        except Rejection as rejection:
            return application.refuse(request, rejection), WHOLE, ()
        plain = request if wishes is None else replace(request, query=wishes.query)
        found = application.router.match(request.path)
        bound = found[0].bound(request.method) if found else None
        operation = bound.operation if bound is not None else None
        rules = session.faults.choose(
            request.method,
            request.path,
            operation.id if operation else "",
            _persona(session, request),
            session.seed,
        )
        note = tuple(f"fault {rule.id}: {rule.fault.kind}" for rule in rules)
        delivery = faults.delivery_of(rules, wishes)
        instead = faults.replacing(rules, wishes)
        try:
            exchange = self._instead(session, plain, operation, wishes, instead)
        except Rejection as rejection:
            return application.refuse(plain, rejection), WHOLE, note
        if wishes is None:
            return exchange, delivery, note
        exchange.response = preferences.mark(exchange.response, wishes)
        return exchange, delivery, (*note, *wishes.named)

    def _instead(
        self,
        session: Session,
        request: Request,
        operation: Operation | None,
        wishes: preferences.Wishes | None,
        fault: faults.Fault | None,
    ) -> Exchange:
        """Answer as wished or as a fault has it, and carry the request out where that is due."""
        application = session.application
        api = application.api
        document = api.spec.document
        scene = samples.Scene(
            session.now(),
            session.seed,
            {},
            request.base_url + request.path,
            api.pack.faker_providers,
        )
        if fault is not None:
            if fault.executes:
                done = self._carry_out(session, request)
                if done.response.status == Unavailable.status:
                    return done
            failed = samples.refusal(document, operation, fault, scene)
            if failed is not None:
                return application.pass_on(request, failed)
            worded = application.refuse(request, samples.Simulated(fault))
            headers = {**worded.response.headers, **samples.fault_headers(fault)}
            worded.response = replace(worded.response, headers=headers)
            return worded
        if wishes is not None and wishes.is_answer and operation is not None:
            return application.pass_on(request, samples.answer(document, operation, wishes, scene))
        return self._carry_out(session, request)

    def _carry_out(self, session: Session, request: Request) -> Exchange:
        """Answer a request of a session; where worlds are shared, when all agree to it."""
        if self._agreement is None or _is_preflight(request):
            return session.answer(request)
        name = session.name
        try:
            return self._agreement.carry_out(lambda: self.sessions.get(name).answer(request), name)
        except Rejection as rejection:
            return session.application.refuse(request, rejection)

    # The admin surface

    def _own(self, request: Request) -> Outcome:
        path = request.path[len(PREFIX) :]
        if not path or path[0] != "/":
            is_root = not path
            location = {"Location": f"{PREFIX}/"}
            return Outcome(Exchange(Response(307, location)) if is_root else _problem(NotFound()))
        if path in _OPEN and request.method in ("GET", "HEAD"):
            try:
                return Outcome(Exchange(self._alive(path)))
            except Unavailable as away:
                return Outcome(_problem(away))
        if not self._has_admin:
            return Outcome(_problem(NotFound("This server has no admin API; see --admin.")))
        asset = assets.answer(request, path[1:])
        if asset is not None:
            return Outcome(Exchange(asset))
        return self._guarded(replace(request, path=path, mount=PREFIX))

    def _alive(self, path: str) -> Response:
        body = {"status": path[1:] if path == "/ready" else "ok"}
        if path == "/ready":
            if self._agreement is not None:
                self._agreement.refresh()
            body["scenario"] = self.sessions.default.scenario.name
        return Response(200, {"Content-Type": "application/json"}, renderer.encode(body))

    def _guarded(self, request: Request) -> Outcome:
        guard = self.settings.guard
        cors = guard.cors(request)
        if cors and request.method == "OPTIONS":
            return Outcome(Exchange(Response(204, cors)))
        try:
            guard.check(request)
            exchange = self._administered(request)
        except Rejection as rejection:
            return Outcome(_problem(rejection, cors))
        headers = {**exchange.response.headers, **_PRIVATE, **cors}
        exchange.response = replace(exchange.response, headers=headers)
        follow = self.admin.follow(request) if exchange.response.status == 200 else None
        if follow is None:
            return Outcome(exchange)
        first = exchange.response.body

        def subscribe(push: Callable[[bytes], None]) -> Callable[[], None]:
            push(first)
            return follow(push)

        return Outcome(exchange, stream=Stream(headers, subscribe))

    def _administered(self, request: Request) -> Exchange:
        if self._agreement is None:
            return self.admin.answer(request)
        self._agreement.refresh()
        return self._agreement.carry_out(lambda: self.admin.answer(request))

    @property
    def _has_admin(self) -> bool:
        return self.settings.has_admin and self._make_admin is not None

    @property
    def admin(self) -> Administration:
        """The admin API; made when it is first asked for, so that a start need not wait."""
        if self._admin is None:
            if self._make_admin is None:
                raise LookupError("this hub has no admin API")
            self._admin = self._make_admin(self)
        return self._admin

    def about(self, request: Request) -> Session:
        """Return the session that a request to the admin API is about."""
        named = request.parameters().get("session")
        name = named[-1] if named else request.headers.get(HEADER, "")
        return self.sessions.get(name) if name else self.sessions.default

    # What the admin API and tests do to a world

    def reset(
        self,
        session: Session,
        *,
        scenario: str = "",
        seed: int | None = None,
        clock: Clock | None = None,
        keep: Collection[str] = (),
    ) -> None:
        """
        Take a world back to the first state of its scenario, or of another.

        `keep` may name `clock`, `faults`, `journal` and `snapshots`. Invalid when there
        is no such scenario, BrokenSpec when it has mistakes; nothing has changed then.
        """
        start = self.start(scenario, seed, session)
        if clock is not None:
            session.clock = clock
        elif "clock" not in keep:
            session.clock = self.clock
        if "faults" not in keep:
            session.faults.clear()
        if "journal" not in keep:
            session.journal.clear()
        if "snapshots" not in keep:
            session.snapshots.clear()
        session.enter(start)

    def start(
        self, name: str = "", seed: int | None = None, like: Session | None = None
    ) -> Snapshot:
        """
        Return how a scenario starts; without a name, the one that a session is in.

        Filled once for each seed and day.
        """
        own = self._start.scenario
        name = name or (like.scenario.name if like is not None else own.name)
        if name == own.name and seed in (None, own.seed):
            return self._start
        known = self.scenarios()
        if name not in known or self._load is None:
            have = ", ".join(sorted(known)) or "none"
            raise Invalid.field(
                "scenario", f"There is no scenario {name[:80]!r}; there are: {have}."
            )
        now = self.clock()
        key = (name, seed, now.date())
        if key not in self._starts:
            if len(self._starts) >= _MAX_STARTS:
                self._starts.clear()
            loaded = self._load(name, seed, now)
            self._starts[key] = Snapshot(loaded.state, now, loaded)
        return self._starts[key]

    def bind(self, session: Session, persona: str) -> str:
        """Return a new token of a persona, which leads into a session; Invalid if unknown."""
        rules = session.application.api.conventions["auth"]
        found = next((p for p in session.scenario.personas if p.name == persona), None)
        if rules is None or found is None:
            have = ", ".join(p.name for p in session.scenario.personas) or "none"
            raise Invalid.field(
                "persona", f"There is no persona {persona[:80]!r}; there are: {have}."
            )
        resource = session.application.api.spec.resources[rules["tokens"]]
        store = session.application.store
        old = store.read().get(resource.name, found.token)
        if old is None:
            raise Invalid.field("persona", f"The token of {persona!r} was deleted in this session.")
        token = secrets.token_hex(20)
        before = store.state
        with store.transaction() as transaction:
            transaction.insert(resource.name, {**old, resource.key: token})
        # No write of the API: what comes after it gets the same ids as elsewhere.
        store.restore(State(before.version, store.state.tables, memory=before.memory))
        self.sessions.tokens = {**self.sessions.tokens, token: session.name}
        return token

    def moved_to(self, api: Api) -> None:
        """Go on with another description of the API; all records stay."""
        self.sessions.moved_to(self.application.with_api(api))


def around(application: Application) -> Hub:
    """Return a hub for an application that was made without one."""
    scenario = Scenario("default", application.options.seed, "", (), application.store.state)
    made = Hub(application, scenario)
    made.sessions.default.adopt(application)
    return made


def _placed(request: Request) -> tuple[Request, str]:
    """Return a request as it is inside of a session's address, and the name it has for one."""
    mounted = MOUNT.match(request.path) if request.path.startswith(PREFIX) else None
    if mounted is None:
        return request, request.headers.get(HEADER, "")
    inside = replace(request, path=request.path[mounted.end() :] or "/", mount=mounted[0])
    # No name is not the same as none: it is malformed.
    return inside, mounted[1] or "/"


def _is_plain(session: Session, request: Request) -> bool:
    """Tell whether nothing is wished for, and no fault may befall the request."""
    if not session.faults.rules:
        return "prefer" not in request.headers and preferences.MARK not in request.query
    # A page never sees the answer to the question that its browser asks before the request.
    return _is_preflight(request)


def _is_preflight(request: Request) -> bool:
    """Tell whether a browser asks what it may send, which no record has a say in."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _persona(session: Session, request: Request) -> str:
    """Return which persona of the scenario asks, by the token; "" for nobody of them."""
    words = request.headers.get("authorization", "").split()
    token = words[-1] if words else ""
    return next((p.name for p in session.scenario.personas if p.token == token), "")


def _problem(rejection: Rejection, headers: Mapping[str, str] = {}) -> Exchange:
    body, media = dialects.problem(rejection)
    told = {"Content-Type": media, **_PRIVATE, **headers}
    if rejection.status == 401:
        told["WWW-Authenticate"] = "Bearer"
    if isinstance(rejection, Unavailable):
        told["Retry-After"] = str(rejection.seconds)
    return Exchange(Response(rejection.status, told, renderer.encode(body)))
