"""Long walks through the states of our own records, held against a model of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as walk

from contract_tests import making, portrait, standing
from contract_tests.client import NotOurs
from contract_tests.lab import Blocked, Lab
from contract_tests.marketplace_rules import Story, stories
from contract_tests.model import Enough, Model
from contract_tests.world import World
from mockserver.operation import Operation

_PROPERTY: Final = "C5"
_VERBS: Final = ("partial_update", "update", "action", "destroy")
_VARIANTS: Final = st.integers(min_value=0, max_value=5)
_RECORDS: Final[Bundle[int]] = Bundle("records")
#: More than the budget can pay for; the budget is what ends a walk.
_EXAMPLES: Final = 10_000


def run(lab: Lab, world: World, *, requests: int) -> None:
    """Walk through the states of every resource that can be made and read, as far as they reach."""
    readers = list(_walkable(lab))
    for index, reader in enumerate(readers):
        left = requests * (index + 1) // len(readers) - requests * index // len(readers)
        model = Model(lab, world, reader, lab.client.sent + left)
        machine = seed(lab.seed + index)(machine_of(model))
        try:
            walk(machine, settings=_settings(lab.depth.machines))
        except Enough as enough:
            if enough.reason is not None and not isinstance(enough.reason, (Blocked, NotOurs)):
                raise enough.reason from None


def _walkable(lab: Lab) -> Iterator[Operation]:
    """Yield the operation that reads back, of each resource that can be made."""
    asked = {operation.id for operation in lab.operations}
    for name in lab.subject.spec.resources:
        reader = portrait.reader(lab, name)
        create = making.creator(lab, name)
        if reader is not None and create is not None and create.id in asked:
            yield reader


def _settings(steps: int) -> settings:
    return settings(
        max_examples=_EXAMPLES,
        stateful_step_count=steps,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )


def writers(lab: Lab, resource: str, verb: str) -> list[Operation]:
    """Return what can be done to one record of ours, other than to create it."""
    return [
        operation
        for operation in lab.verbs(resource, verb)
        if operation in lab.operations
        and operation.effect is not None
        and not (standing.is_lasting(operation) and lab.mode != "destructive")
        and not operation.effect.creates - {resource}
    ]


def machine_of(model: Model) -> type[RuleBasedStateMachine]:
    """Return the state machine of one resource."""
    lab, resource = model.lab, model.reader.resource
    machine = _reading(model)
    rules = {verb: _writing(model, writers(lab, resource, verb)) for verb in _VERBS}
    # Each verb is a rule of its own, so that each gets its turns.
    members = {**rules, "tell": _telling(model, stories(lab, resource))}
    for name, member in members.items():
        if member is not None:
            setattr(machine, name, member)
    return machine


def _reading(model: Model) -> type[RuleBasedStateMachine]:
    """Return a machine that makes records and reads them."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            model.spend()
            self.stack = ExitStack()
            self.stack.enter_context(model.lab.case(_PROPERTY))
            model.records = []

        @rule(target=_RECORDS, variant=_VARIANTS)
        @_paid(model)
        def create(self, variant: int) -> Any:
            """Make a record."""
            return model.create(variant)

        @rule(target=_RECORDS, number=st.integers(min_value=2, max_value=4))
        @_paid(model)
        def create_many(self, number: int) -> Any:
            """Make some records at once."""
            return multiple(*(model.create(variant) for variant in range(number)))

        @rule(handle=_RECORDS)
        @_paid(model)
        def read(self, handle: int) -> None:
            """Read a record."""
            model.read(handle)

        @rule(handle=_RECORDS, number=st.integers(min_value=0, max_value=7))
        @_paid(model)
        def ask(self, handle: int, number: int) -> None:
            """Filter by what a record shows."""
            model.ask(handle, number)

        @rule()
        @_paid(model)
        def census(self) -> None:
            """Read the list."""
            if model.records:
                model.census()

        def teardown(self) -> None:
            """Leave nothing behind."""
            try:
                model.end()
            except Exception as error:
                raise Enough(error) from error
            finally:
                self.stack.close()

    return Machine


def _writing(model: Model, operations: list[Operation]) -> Any:
    if not operations:
        return None

    @rule(handle=_RECORDS, operation=st.sampled_from(operations), variant=_VARIANTS)
    @_paid(model)
    def write(self: RuleBasedStateMachine, handle: int, operation: Operation, variant: int) -> None:
        """Change a record, or take it away."""
        model.write(handle, operation, variant)

    return write


def _telling(model: Model, told: tuple[Story, ...]) -> Any:
    if not told:
        return None

    @rule(handle=_RECORDS, story=st.sampled_from(told))
    @_paid(model)
    def tell(self: RuleBasedStateMachine, handle: int, story: Story) -> None:
        """Tell a story that no description can."""
        model.tell(handle, story)

    return tell


def _paid(model: Model) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """End the walk, and not as a failure, when the budget is spent or the server is gone."""

    def decorate(step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def paid(*args: Any, **named: Any) -> Any:
            model.spend()
            if named.get("handle") == -1:
                return None
            try:
                return step(*args, **named)
            except Blocked:
                return None
            except Exception as error:
                # Whatever it is, Hypothesis must not take it for something that it found.
                raise Enough(error) from error

        return paid

    return decorate
