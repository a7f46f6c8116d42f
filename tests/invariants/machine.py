"""A state machine: anybody writes anything, time passes, and every law goes on to hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mockserver.assembly import World
from tests.invariants import laws
from tests.invariants.client import Answer, Client
from tests.invariants.requests import IDEMPOTENT, ONCE, SHOWING, Pick, Write, writes

PERSONAS = ["staff", "docs", "support", "owner", "manager", "customer", "member", "stranger"]
#: Where the picks start; what requests make is added behind.
POOLS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "plan": lambda record: True,
    "service_provider": lambda record: True,
    "offering": lambda record: True,
    "customer": lambda record: True,
    "organization_group": lambda record: True,
    "user": lambda record: True,
}
SAMPLE = "a1b2c3d4e5f67890abcdef1234567890"


class Marketplace(RuleBasedStateMachine):
    """The world `default`; subclasses say which one by `world`."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(self.world)
        self.step = 0
        self.touched = SAMPLE
        self.pools = {name: self._pool(name) for name in POOLS}

    # What may happen

    @rule(write=writes(PERSONAS))
    def somebody_writes(self, write: Write) -> None:
        key = self._resolve(write.key)
        body = self._resolve(write.body)
        answer = self.client.call(write.persona, write.operation_id, key, body)
        if answer.is_accepted:
            self._remember(write, key, answer)
            self._compare(write, key, answer)
            if write.twice:
                self._repeat(write, key, body)

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.client.now += timedelta(days=days)

    # What must hold

    @invariant()
    def a_law_holds(self) -> None:
        law = laws.AT_ONCE[self.step % len(laws.AT_ONCE)]
        self.step += 1
        law(self.client, self._provider())

    def teardown(self) -> None:
        for law in laws.AT_ONCE:
            law(self.client, self._provider())

    # Inside

    def _provider(self) -> str:
        found = self.client.app.store.read().get("service_provider", self.touched)
        return self.touched if found is not None else SAMPLE

    def _pool(self, resource: str) -> list[str]:
        """Return the keys of some records, the samples of the documentation first."""
        records = self.client.app.store.read().all(resource)
        keys = [record["uuid"] for record in records]
        return sorted(keys, key=lambda key: (key != SAMPLE, key))[:30]

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Pick):
            pool = self.pools[value.resource]
            key = pool[value.index % len(pool)]
            path = self.client.app.api.spec.resources[value.resource].path
            return path.replace("{uuid}", key) if value.form == "link" else key
        if isinstance(value, dict):
            return {name: self._resolve(inner) for name, inner in value.items()}
        return [self._resolve(inner) for inner in value] if isinstance(value, list) else value

    def _remember(self, write: Write, key: str, answer: Answer) -> None:
        kind = "plan" if "plans" in write.operation_id else "service_provider"
        if write.operation_id in ("marketplace_plans_create", "marketplace_service_providers_create"):
            key = answer.body["uuid"]
            assert answer.headers["Location"].endswith(f"/{key}/")
            # In front, so that small indexes find it.
            self.pools[kind].insert(0, key)
        if kind == "service_provider" and self.client.app.store.read().get(kind, key):
            self.touched = key

    def _compare(self, write: Write, key: str, answer: Answer) -> None:
        """What a write shows is what is read; what is gone is not found."""
        if write.operation_id in SHOWING:
            read = SHOWING[write.operation_id]
            seen = self.client.call(write.persona, read, answer.body["uuid"])
            assert (seen.status, seen.body) == (200, answer.body)
        if write.operation_id.endswith("_destroy"):
            read = write.operation_id.replace("_destroy", "_retrieve")
            assert self.client.call("staff", read, key).status == 404

    def _repeat(self, write: Write, key: str, body: Any) -> None:
        again = self.client.call(write.persona, write.operation_id, key, body)
        if write.operation_id in IDEMPOTENT:
            assert again.is_accepted, (write.operation_id, again)
            assert not again.changed, f"{write.operation_id} changes something each time"
        elif write.operation_id in ONCE:
            assert again.status == ONCE[write.operation_id], (write.operation_id, again)
        else:
            assert again.is_accepted
            assert again.changed
