"""Does a list stay as fast as it was while its records become many?"""  # noqa: D400  the question it answers

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from statistics import median
from typing import Final

import orjson

from benchmarks.comparison import CREDENTIALS, PLANS
from benchmarks.load import HOST, BadAnswer
from mockserver import assembly
from mockserver.app import Application, Options
from mockserver.assembly import Sources, World
from mockserver.exchange import Request
from mockserver.json_types import Record
from mockserver.store import Store

#: How many plans and providers there are; the first is what the others are compared with.
SIZES: Final = (1_000, 100_000)
MILLION: Final = (1_000, 1_000_000)
#: Providers of so many customers: names are looked for in as many.
CUSTOMERS: Final = 1_000
_PROVIDERS: Final = "/api/marketplace-service-providers/"
_USAGE: Final = f"{PLANS}usage_stats/"
_TURNS: Final = 5


@dataclass(frozen=True, slots=True)
class Question:
    """One request, and the record that is written before it, if any."""

    name: str
    path: str
    query: str = ""
    written: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """
    What was found; medians over the rounds.

    `milliseconds` is processor time by question and size; `ratios` compare it with
    the smallest size, turn by turn in one process. `first_milliseconds` is what the
    very first question took, before anything was kept.
    """

    benchmark: str = "growth"
    sizes: Sequence[int]
    milliseconds: dict[str, list[float]]
    ratios: dict[str, list[float]]
    first_milliseconds: dict[str, list[float]]
    rounds: int

    def as_json(self) -> str:
        """Return the findings as one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def as_text(self) -> str:
        """Return the findings as a sentence for each question."""
        sizes = " / ".join(f"{size:,}" for size in self.sizes)
        lines = [f"milliseconds of processor time with {sizes} records, and ratios to the first:"]
        for name, found in self.milliseconds.items():
            times = " / ".join(f"{each:.2f}" for each in found)
            ratios = " / ".join(f"{each:.2f}" for each in self.ratios[name])
            first = " / ".join(f"{each:.2f}" for each in self.first_milliseconds[name])
            lines.append(f"{name}: {times} ({ratios}), at first {first}")
        return "\n".join(lines)


def measure(rounds: int) -> Growth:
    """Ask worlds of several sizes the same questions, in turns."""
    return _measure(SIZES, rounds)


def million(rounds: int) -> Growth:
    """Ask the same with a million records of a kind: some minutes, and several gigabytes."""
    return _measure(MILLION, rounds)


def _measure(sizes: Sequence[int], rounds: int) -> Growth:
    world = assembly.read_world(Sources())
    applications = [_grown(world, size) for size in sizes]
    worlds = [(each, _questions(each)) for each in applications]
    names = list(worlds[0][1])
    first = {
        name: [_once(application, asked[name]) * 1000 for application, asked in worlds]
        for name in names
    }
    found = {
        name: [
            [_seconds(application, asked[name]) for application, asked in worlds]
            for _ in range(rounds)
        ]
        for name in names
    }
    return Growth(
        sizes=sizes,
        milliseconds={
            name: [median(turn[i] for turn in turns) * 1000 for i in range(len(sizes))]
            for name, turns in found.items()
        },
        ratios={
            name: [median(turn[i] / turn[0] for turn in turns) for i in range(len(sizes))]
            for name, turns in found.items()
        },
        first_milliseconds=first,
        rounds=rounds,
    )


def _grown(world: World, size: int) -> Application:
    """Return an application that works out each answer, in a world with so many records."""
    store = Store(world.api.spec.resources, world.scenario.state)
    with store.transaction() as transaction:
        plan, provider = transaction.all("plan")[0], transaction.all("service_provider")[0]
        customer = transaction.all("customer")[0]
        offerings = transaction.all("offering")
        for number in range(min(CUSTOMERS, size)):
            name = f"Customer {number * 7919 % 100_003:06}"
            transaction.insert("customer", {**customer, "uuid": _key(number), "name": name})
        for number, record in enumerate(_copies(plan, offerings, size)):
            limit = number * 104_729 % 1_000_003
            named = {**record, "name": f"Plan {limit:07}", "max_amount": limit}
            transaction.insert("plan", {**named, "uuid": _key(number)})
            owner = _key(number % CUSTOMERS)
            transaction.insert(
                "service_provider", {**provider, "uuid": _key(number), "customer": owner}
            )
    return Application(world.api, store, world.clock, Options(keeps=False))


def _key(number: int) -> str:
    return f"{number:032x}"


def _copies(plan: Record, offerings: Sequence[Record], size: int) -> Iterator[Record]:
    return ({**plan, "offering": each["uuid"]} for each in islice(cycle(offerings), size))


def _questions(application: Application) -> dict[str, Question]:
    state = application.store.state
    middle = f"page={len(state.records('plan')) // 20}"
    offering = f"offering_uuid={state.records('plan')[_key(7)]['offering']}"
    plain = [
        Question("first page", PLANS),
        Question("middle page", PLANS, middle),
        Question("equality", PLANS, offering),
        Question("contains", _PROVIDERS, "customer_keyword=er+05"),
        Question("ordered", _USAGE, "o=-limit"),
    ]
    written = {PLANS: "plan", _USAGE: "plan", _PROVIDERS: "service_provider"}
    after = [
        Question(f"{each.name} after a write", each.path, each.query, written[each.path])
        for each in plain
    ]
    write = Question("write", f"{PLANS}{_key(13)}/", body=b'{"description": "%d"}')
    return {each.name: each for each in [*plain, *after, write]}


def _seconds(application: Application, question: Question) -> float:
    return sum(_once(application, question) for _ in range(_TURNS)) / _TURNS


def _once(application: Application, question: Question) -> float:
    """Return the processor time of an answer; a write before it does not count."""
    if question.written:
        _write(application, question.written)
    headers = {name.lower(): value for name, value in {"Host": HOST, **CREDENTIALS}.items()}
    body = question.body % application.store.state.version if question.body else b""
    if body:
        headers["content-type"] = "application/json"
    method = "PATCH" if body else "GET"
    started = time.process_time()
    response = application.answer(
        Request(method, question.path, question.query, headers, body)
    ).response
    spent = time.process_time() - started
    if response.status != 200:
        raise BadAnswer(f"{question.path} answered {response.status}")
    return spent


def _write(application: Application, resource: str) -> None:
    """Change a record so that it moves in every order there is."""
    with application.store.transaction() as transaction:
        record = transaction.get(resource, _key(11)) or {}
        changed = {"name": record["name"] + "x"} if resource == "plan" else {}
        if resource == "service_provider":
            changed = {"customer": _key((int(record["customer"], 16) + 1) % CUSTOMERS)}
        transaction.replace(resource, record, **changed)
