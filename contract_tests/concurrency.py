"""Send several requests at once, and record them as if they had been sent one by one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from contract_tests.lab import Lab
from contract_tests.steps import Reply, Step
from contract_tests.transport import CallTransport, Transport
from contract_tests.wire import Received, Sent


class _Answered:
    """A transport that gives answers which are there already, in the order of the requests."""

    def __init__(self, answers: Sequence[Received], base_url: str) -> None:
        self.base_url = base_url
        self._answers = iter(answers)

    def send(self, sent: Sent) -> Received:
        """Return the next answer."""
        return next(self._answers)


def overlaps(transport: Transport) -> bool:
    """Tell whether requests of several threads are under way at the same time."""
    return not isinstance(transport, CallTransport)


def together(lab: Lab, steps: Sequence[Step]) -> list[Reply]:
    """
    Return the answers to steps that are sent at once, in the order of the steps.

    Inside this process they are sent one after the other: nothing there overlaps.
    """
    real = lab.client.transport
    if not overlaps(real):
        return [lab.send(step) for step in steps]
    creates = [step.creates for step in steps if step.creates]
    for step in steps:
        lab.permit(step)
    for resource in creates:
        lab.client.ledger.intend(resource)
    asked = [lab.client.request_of(step) for step in steps]
    with ThreadPoolExecutor(len(steps)) as pool:
        answers = list(pool.map(real.send, asked))
    lab.client.transport = _Answered(answers, real.base_url)
    try:
        return [lab.send(step) for step in steps]
    finally:
        lab.client.transport = real
        for resource in creates:
            lab.client.ledger.settle(resource)
