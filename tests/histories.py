"""Record what clients saw of a library, and decide whether one library could have shown it.

Each book is a register of a title that can also be made, lent and removed. A history of one
book is right when its operations can be put into one order in which each of them is answered
as it was, and in which nothing comes before what had ended when it began. An operation
without an answer may happen at any time after its start, or never.

Updates that depend on the former state are checked as well, so that a lost one is noticed:
a book is lent once only, a number of a new book or loan is given once only and never after
a higher one, and a review, which says the same as often as it is carried out, is there once.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import inf
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlencode

CARD: Final = {"Authorization": "Bearer card-curator"}
#: Nothing of this author has arrived yet, and one shipped book takes all reviews.
AUTHOR, REVIEWED, BRANCH = 4, 4, "http://127.0.0.1/branches/1"
PATIENCE: Final = 20.0
#: So many books fit on one page of a list.
PAGE: Final = 20
#: A history that takes more steps than this is not decided.
STEPS: Final = 500_000


class Outcome(Enum):
    """What a client knows of an operation."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of a book: its present title, and whether somebody has it."""

    title: str
    is_lent: bool = False


#: A book, or None while there is none.
State: TypeAlias = "Copy | None"


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One request about one book, and what came of it.

    `kind` is create, rename, lend, remove or read. `title` is what a create or a rename
    sends, and `shown` what the answer showed; of a refusal, whether there was a book.
    """

    kind: str
    key: str
    start: float
    end: float
    outcome: Outcome = Outcome.OK
    title: str = ""
    shown: State = None
    number: int = 0

    def __str__(self) -> str:
        sent = f" {self.title!r}" if self.title else ""
        shown = f" -> {self.shown}" if self.shown else ""
        return f"[{self.start:.4f} {self.end:.4f}] {self.kind}{sent} {self.outcome.value}{shown}"


class Undecided(Exception):
    """A history has too many operations at the same time."""


def mistakes(operations: Iterable[Operation]) -> list[str]:
    """Return what no single library could have shown, a line for each book."""
    books: dict[str, list[Operation]] = defaultdict(list)
    for each in operations:
        books[each.key].append(each)
    return [text for key in books if (text := mistake(books[key])) is not None]


def mistake(operations: Sequence[Operation], start: State = None) -> str | None:
    """Say how far the history of one book can be explained; None when all of it can."""
    rows = sorted(_settled(operations), key=lambda each: (each.start, each.end))
    needed = sum(1 << place for place, each in enumerate(rows) if each.end < inf)
    stack: list[tuple[int, State]] = [(0, start)]
    seen = set(stack)
    best = (-1, 0, start)
    while stack:
        done, state = stack.pop()
        if done & needed == needed:
            return None
        best = max(best, ((done & needed).bit_count(), done, state), key=lambda each: each[0])
        for found in _next(rows, done, state):
            if found not in seen:
                seen.add(found)
                stack.append(found)
        if len(seen) > STEPS:
            raise Undecided(rows[0].key)
    _, done, state = best
    left = "; ".join(str(rows[place]) for place in _eligible(rows, done))
    return f"book {rows[0].key}: after {state} none of these is possible: {left}"


def _settled(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Leave out what tells nothing; let a title that was seen be written before that."""
    rows = list(operations)
    seen: dict[str, float] = {}
    for each in rows:
        if each.shown is not None:
            seen[each.shown.title] = min(each.end, seen.get(each.shown.title, inf))
    for each in rows:
        if each.outcome is not Outcome.UNKNOWN:
            yield each
        elif each.kind == "rename":
            # What nobody saw is as good as never written.
            if each.title in seen:
                yield replace(each, end=max(each.start, seen[each.title]))
        elif each.kind != "read":
            yield replace(each, end=inf)


def _eligible(rows: Sequence[Operation], done: int) -> list[int]:
    """Return what may come next: what began before anything that is left had ended."""
    bound, found = inf, []
    first = (~done & (done + 1)).bit_length() - 1
    for place in range(first, len(rows)):
        if done >> place & 1:
            continue
        if rows[place].start > bound:
            break
        found.append(place)
        bound = min(bound, rows[place].end)
    return found


def _next(rows: Sequence[Operation], done: int, state: State) -> list[tuple[int, State]]:
    """Return where one more operation leads."""
    found = []
    for place in _eligible(rows, done):
        is_possible, after = _applied(rows[place], state)
        if not is_possible:
            continue
        if after == state and rows[place].end < inf:
            # What changes nothing may as well come now.
            return [(done | 1 << place, state)]
        found.append((done | 1 << place, after))
    # The last is looked at first: what is known to have happened, and ended first.
    return sorted(found, key=lambda each: -rows[(each[0] ^ done).bit_length() - 1].end)


def _applied(operation: Operation, state: State) -> tuple[bool, State]:
    """Tell whether an operation can be answered so in a state, and which one follows."""
    if operation.outcome is Outcome.REFUSED:
        if operation.kind == "create":
            return state is not None, state
        if operation.kind == "lend" and operation.shown is not None:
            return state is not None and state.is_lent, state
        return state is None, state
    if operation.kind == "read":
        return state == operation.shown, state
    after = _after(operation, state)
    if after is _IMPOSSIBLE:
        return False, state
    is_unseen = operation.outcome is Outcome.UNKNOWN or operation.shown is None
    return is_unseen or operation.shown == after, after


_IMPOSSIBLE: Final = Copy("impossible")


def _after(operation: Operation, state: State) -> State:
    """Return the state after a write that was carried out."""
    if operation.kind == "create":
        return Copy(operation.title) if state is None else _IMPOSSIBLE
    if state is None:
        return _IMPOSSIBLE
    if operation.kind == "remove":
        return None
    if operation.kind == "rename":
        return replace(state, title=operation.title)
    return _IMPOSSIBLE if state.is_lent else replace(state, is_lent=True)


def misnumbered(operations: Iterable[Operation]) -> list[str]:
    """
    Return which numbers were given twice, or after a higher one.

    Who gives the next number reads the last one: two that are the same are a lost update.
    """
    rows = sorted((each for each in operations if each.number), key=lambda each: each.number)
    found, latest = [], -inf
    for place, each in enumerate(rows):
        if place and rows[place - 1].number == each.number:
            found.append(f"number {each.number} was given twice")
        if each.end < latest:
            found.append(f"number {each.number} was given before a lower one")
        latest = max(latest, each.start)
    return found


@dataclass(frozen=True, slots=True)
class Review:
    """One request to review a book with a text of its own."""

    text: str
    outcome: Outcome


def miscounted(reviews: Iterable[Review], texts: Sequence[str]) -> list[str]:
    """Return which reviews are missing, were never sent, or were carried out twice."""
    sent = {each.text: each.outcome for each in reviews}
    found = [f"{text} is there {texts.count(text)} times" for text in {*texts}]
    found = [each for each in found if not each.endswith(" 1 times")]
    found += [f"nobody wrote {text}" for text in {*texts} - {*sent}]
    lost = {text for text, outcome in sent.items() if outcome is Outcome.OK} - {*texts}
    found += [f"{text} was acknowledged and is not there" for text in lost]
    refused = {text for text, outcome in sent.items() if outcome is Outcome.REFUSED} & {*texts}
    return found + [f"{text} was refused and is there" for text in refused]


@dataclass
class Recorder:
    """Everything that clients asked and saw, from all of their threads."""

    operations: list[Operation] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    loans: list[Operation] = field(default_factory=list)
    #: What a client must never see, whatever is killed.
    surprises: list[str] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    #: Keys in the order in which they were first sent, and the numbers of known books.
    tried: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fresh(self) -> tuple[str, int]:
        """Return the key of a new book, and a number that makes texts unique."""
        with self.lock:
            self.count += 1
            return f"979{self.count:010}", self.count

    def add(self, operation: Operation) -> None:
        """Keep what was seen of one book."""
        with self.lock:
            self.operations.append(operation)
            if operation.number:
                self.numbers[operation.key] = operation.number

    def total(self) -> int:
        """Return how many requests have been answered or broken off."""
        with self.lock:
            return len(self.operations) + len(self.reviews)

    def acknowledged(self) -> int:
        """Return how many writes were acknowledged."""
        with self.lock:
            done = [each for each in self.operations if each.outcome is Outcome.OK]
            kept = [each for each in self.reviews if each.outcome is Outcome.OK]
        return sum(each.kind != "read" for each in done) + len(kept)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or status 0 when the connection broke after the request was sent."""

    status: int
    body: Any
    start: float
    end: float


class Unreached(Exception):
    """Nobody listens, so nothing can have happened."""


class Client(threading.Thread):
    """Asks one of several servers after the other, until it is told to stop."""

    def __init__(self, recorder: Recorder, ports: Sequence[int], seed: str, round_: str) -> None:
        super().__init__(daemon=True, name=f"client-{seed}")
        self.recorder, self.ports, self.round = recorder, ports, round_
        self.chance = random.Random(seed)
        self.stopping = threading.Event()
        self.connections: dict[tuple[int, int], http.client.HTTPConnection] = {}
        self.failure: BaseException | None = None

    def run(self) -> None:
        work = (
            (self.read, 30),
            (self.rename, 20),
            (self.list, 8),
            (self.create, 8),
            (self.lend, 10),
            (self.review, 8),
            (self.remove, 4),
        )
        doing, weights = zip(*work, strict=True)
        try:
            while not self.stopping.is_set():
                try:
                    self.chance.choices(doing, weights)[0]()
                except Unreached:
                    self.stopping.wait(0.02)
        except BaseException as failure:  # noqa: BLE001  whoever waits for the thread raises it
            self.failure = failure
        finally:
            self.close()

    def close(self) -> None:
        """Let go of all connections."""
        for each in self.connections.values():
            each.close()

    def stop(self) -> None:
        """End it, and raise what it failed at."""
        self.stopping.set()
        self.join(2 * PATIENCE)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure

    # What it does

    def create(self) -> None:
        mine = [key for key in list(self.recorder.tried) if key in self.recorder.numbers]
        if len(mine) > PAGE // 2:
            return
        key, number = self.recorder.fresh()
        title = f"{self.round} new {number}"
        self.recorder.tried[key] = time.monotonic()
        body = {
            "isbn": key,
            "title": title,
            "author_id": AUTHOR,
            "branch_url": BRANCH,
            "genre": "novel",
        }
        answer = self.ask("POST", "/books", body)
        self._tell("create", key, answer, title, {400: None})

    def rename(self) -> None:
        if key := self._some():
            title = f"{self.round} {self.recorder.fresh()[1]}"
            path = f"/books/{self.recorder.numbers[key]}"
            self._tell("rename", key, self.ask("PATCH", path, {"title": title}), title)
            # Whoever else is asked next has to know.
            self._tell("read", key, self.ask("GET", path))

    def remove(self) -> None:
        if key := self._some():
            answer = self.ask("DELETE", f"/books/{self.recorder.numbers[key]}")
            self._tell("remove", key, answer)
            if answer.status in (204, 404):
                # Others may still be about to ask for it.
                self.recorder.tried.pop(key, None)

    def lend(self) -> None:
        if key := self._some():
            answer = self.ask("POST", f"/books/{self.recorder.numbers[key]}/loan", {})
            self._tell("lend", key, answer, refusals={404: None, 409: Copy("", is_lent=True)})
            if answer.status == 201:
                loan = Operation("lend", key, answer.start, answer.end, number=answer.body["id"])
                self.recorder.loans.append(loan)

    def read(self) -> None:
        if key := self._some():
            answer = self.ask("GET", f"/books/{self.recorder.numbers[key]}")
            self._tell("read", key, answer)

    def list(self) -> None:
        known = dict(self.recorder.tried)
        query = urlencode({"search": self.round, "author_id": AUTHOR, "limit": PAGE})
        answer = self.ask("GET", f"/books?{query}")
        if answer.status != 200:
            self._odd("list", answer, set())
            return
        shown = {each["isbn"]: _copy(each) for each in answer.body["data"]}
        if len(shown) != len(answer.body["data"]):
            self.recorder.surprises.append("a list shows a book twice")
        if answer.body["total"] <= PAGE:
            shown = {**dict.fromkeys(known), **shown}
        for key, copy in shown.items():
            self.recorder.add(Operation("read", key, answer.start, answer.end, shown=copy))

    def review(self) -> None:
        text = f"{self.round} review {self.recorder.fresh()[1]}"
        body = {"stars": 3, "text": text}
        try:
            answer = self.ask("POST", f"/books/{REVIEWED}/reviews", body)
        except Unreached:
            return
        outcome = self._outcome("review", answer, set())
        self.recorder.reviews.append(Review(text, outcome))

    def _some(self) -> str:
        """Return the key of a book that was known a moment ago, most often the same one."""
        keys = [key for key in list(self.recorder.tried) if key in self.recorder.numbers]
        if not keys:
            self.create()
            return ""
        return self.chance.choice(keys[:2] if self.chance.random() < 0.5 else keys)

    # How it asks

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask one of the servers; Unreached when it cannot even be told."""
        port = self.chance.choice(self.ports)
        # Two connections may be those of two processes that share the port.
        place = (port, self.chance.randrange(2))
        connection = self.connections.pop(place, None)
        text = None if body is None else json.dumps(body)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                connection.connect()
            except OSError:
                connection.close()
                raise Unreached from None
        start = time.monotonic()
        try:
            connection.request(method, path, text, {**CARD, "Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError:
            connection.close()
            self.recorder.surprises.append(f"{method} {path} was not answered at all")
            return Answer(0, None, start, time.monotonic())
        except (OSError, http.client.HTTPException):
            connection.close()
            return Answer(0, None, start, time.monotonic())
        end = time.monotonic()
        self.connections[place] = connection
        return Answer(answer.status, json.loads(content) if content else None, start, end)

    def _tell(
        self,
        kind: str,
        key: str,
        answer: Answer,
        title: str = "",
        refusals: Mapping[int, State] = {404: None},
    ) -> None:
        """Record an answer about one book."""
        outcome = self._outcome(kind, answer, set(refusals))
        shown, number = refusals.get(answer.status), 0
        if outcome is Outcome.OK and kind in ("create", "rename", "read"):
            shown = _copy(answer.body)
            number = answer.body["id"] if kind == "create" else 0
            if answer.body["isbn"] != key:
                self.recorder.surprises.append(f"{kind} of {key} answers {answer.body['isbn']}")
        told = Operation(kind, key, answer.start, answer.end, outcome, title, shown, number)
        self.recorder.add(told)

    def _outcome(self, kind: str, answer: Answer, refusals: set[int]) -> Outcome:
        if answer.status in (200, 201, 204):
            return Outcome.OK
        if answer.status in refusals:
            return Outcome.REFUSED
        self._odd(kind, answer, refusals)
        return Outcome.UNKNOWN

    def _odd(self, kind: str, answer: Answer, refusals: set[int]) -> None:
        """Note what is neither an answer nor a refusal: only 503 and silence may be that."""
        if answer.status == 503:
            self.recorder.problems.add(str(answer.body.get("detail")))
        elif answer.status and answer.status not in refusals:
            self.recorder.surprises.append(f"{kind}: {answer.status} {answer.body}")


def _copy(book: Mapping[str, Any]) -> Copy:
    return Copy(book["title"], is_lent=not book["is_available"])


class Crowd:
    """Several clients at once, for as long as the block lasts."""

    def __init__(
        self, recorder: Recorder, ports: Sequence[int], seed: object, round_: str, count: int = 6
    ) -> None:
        recorder.tried.clear()
        self.clients = [
            Client(recorder, ports, f"{seed}/{round_}/{number}", round_) for number in range(count)
        ]

    def __enter__(self) -> Self:
        for each in self.clients:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.clients:
            each.stopping.set()
        for each in self.clients:
            each.stop()


def look_again(recorder: Recorder, port: int, first: int = 0) -> None:
    """Read every book that there may be, so that its history ends with what is left of it."""
    reader = Client(recorder, [port], "reader", "again")
    for key in dict.fromkeys(each.key for each in recorder.operations[first:]):
        query = urlencode({"isbn": key})
        answer = reader.ask("GET", f"/books?{query}")
        if answer.status != 200:
            reader.close()
            raise AssertionError(answer)
        found = [_copy(each) for each in answer.body["data"]]
        assert len(found) < 2, f"{key} is there {len(found)} times"
        shown = found[0] if found else None
        recorder.add(Operation("read", key, answer.start, answer.end, shown=shown))
    reader.close()


def exported(port: int) -> dict[str, Any]:
    """Return all records that a server knows, by resource."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/__mock__/state", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return dict(json.loads(content))
    finally:
        connection.close()
