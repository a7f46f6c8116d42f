"""A state machine: anybody writes anything, time passes, and every law goes on to hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver.assembly import World
from mockserver.exchange import Request
from mockserver.json_types import Record
from mockserver.store import Transaction
from tests.invariants import laws
from tests.invariants.client import Answer, Client
from tests.invariants.requests import IDEMPOTENT, ONCE, SAMPLE, SHOWING, Pick, Table, Write, writes

PERSONAS = ["staff", "docs", "support", "owner", "manager", "customer", "member", "stranger"]
#: What requests pick records of; those that they make are added.
POOLS = ("plan", "service_provider", "offering", "customer", "organization_group", "user")


class Marketplace(RuleBasedStateMachine):
    """Games with one world; a subclass says which one."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(self.world)
        self.touched = SAMPLE
        self.pools = {name: self._pool(name) for name in POOLS}

    # What may happen

    @rule(write=writes(PERSONAS))
    def somebody_writes(self, write: Write) -> None:
        key = self._resolve(write.key, "")
        body = self._resolve(write.body, key)
        answer = self.client.call(write.persona, write.operation_id, key, body)
        if answer.is_accepted:
            self._remember(write, key, answer)
            self._compare(write, key, answer)
            if write.twice:
                self._repeat(write, key, body)

    @precondition(lambda self: self.client.turn % 6 == 0)
    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.client.now += timedelta(days=days)
        # What is due happens before the next answer; a read that follows writes nothing.
        self.client.app.answer(Request("GET", "/"))

    # What must hold

    @invariant()
    def a_law_holds(self) -> None:
        law = laws.AT_ONCE[self.client.turn % len(laws.AT_ONCE)]
        self.client.turn += 1
        law(self.client, self._provider())

    def teardown(self) -> None:
        for law in laws.AT_ONCE:
            law(self.client, self._provider())

    # Records

    @property
    def store(self) -> Transaction:
        return self.client.app.store.read()

    def _provider(self) -> str:
        """Return the provider that was written last, if it is still there; or any other."""
        if self.store.get("service_provider", self.touched) is not None:
            return self.touched
        return str(self.store.all("service_provider")[0]["uuid"])

    def _pool(self, resource: str) -> list[str]:
        """Return the keys of some records, the sample of the documentation first."""
        keys = [record["uuid"] for record in self.store.all(resource)]
        return sorted(keys, key=lambda key: (key != SAMPLE, key))[:30]

    # Requests

    def _resolve(self, value: Any, key: str) -> Any:
        """Return a key or a body as it is sent; `key` names the record of the path."""
        if isinstance(value, Pick):
            return self._picked(value, key)
        if isinstance(value, Table):
            return {self._resolve(name, key): inner for name, inner in value}
        if isinstance(value, dict):
            return {name: self._resolve(inner, key) for name, inner in value.items()}
        return [self._resolve(inner, key) for inner in value] if isinstance(value, list) else value

    def _picked(self, pick: Pick, key: str) -> str:
        if pick.resource == "grant":
            held = [
                g for g in self.store.related("grant", "service_provider", key) if g["is_active"]
            ]
            return str(held[pick.index % len(held)][pick.form]) if held else SAMPLE
        if pick.resource == "offering_component":
            types = [
                each["type"]
                for each in self._components(key)
                if pick.form == "type" or each["billing_type"] == "fixed"
            ]
            return str(types[pick.index % len(types)]) if types else "nothing"
        pool = self.pools[pick.resource]
        found = pool[pick.index % len(pool)]
        path = self.client.app.api.spec.resources[pick.resource].path
        return path.replace("{uuid}", found) if pick.form == "link" else found

    def _components(self, plan_key: str) -> tuple[Record, ...]:
        plan = self.store.get("plan", plan_key)
        if plan is None:
            return ()
        return self.store.related("offering_component", "offering", plan["offering"])

    # Answers

    def _remember(self, write: Write, key: str, answer: Answer) -> None:
        kind = "plan" if "_plans_" in write.operation_id else "service_provider"
        if write.operation_id.endswith("s_create"):
            key = answer.body["uuid"]
            assert answer.headers["Location"].endswith(f"/{key}/")
            # In front, so that small indexes find it.
            self.pools[kind].insert(0, key)
        if kind == "service_provider":
            self.touched = key

    def _compare(self, write: Write, key: str, answer: Answer) -> None:
        """Hold an answer against what is read: shown alike, or gone."""
        if write.operation_id in SHOWING:
            read = SHOWING[write.operation_id]
            seen = self.client.call(write.persona, read, answer.body["uuid"])
            assert (seen.status, seen.body) == (200, answer.body)
        if write.operation_id.endswith("_destroy"):
            read = write.operation_id.replace("_destroy", "_retrieve")
            assert self.client.call("staff", read, key).status == 404

    def _repeat(self, write: Write, key: str, body: Any) -> None:
        again = self.client.call(write.persona, write.operation_id, key, body)
        if write.operation_id in ONCE:
            assert again.status == ONCE[write.operation_id], (write.operation_id, again)
        else:
            assert again.is_accepted, (write.operation_id, again)
            assert again.changed == (write.operation_id not in IDEMPOTENT), write.operation_id
