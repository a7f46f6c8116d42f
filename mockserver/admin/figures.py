"""Write figures of all sessions in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mockserver.admin.rows import size
from mockserver.errors import Missing
from mockserver.hub import Hub
from mockserver.session import Session

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def written(hub: Hub) -> tuple[bytes, str]:
    """Return the figures and their media type; Missing when the library is not there."""
    try:
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    except ImportError:
        raise Missing(
            "Metrics need prometheus-client; install it with "
            "`pip install 'waldur-mockserver[metrics]'`."
        ) from None
    registry = CollectorRegistry()
    registry.register(_Figures(hub))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Figures:
    """Figures as they are when they are asked for: a request pays nothing for them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        sessions = list(self._hub.sessions.all())
        yield GaugeMetricFamily("mockserver_sessions", "Sessions there are.", len(sessions))
        records = GaugeMetricFamily(
            "mockserver_records", "Records that a session holds.", labels=["session"]
        )
        faults = GaugeMetricFamily(
            "mockserver_fault_rules", "Fault rules of a session.", labels=["session"]
        )
        requests = CounterMetricFamily(
            "mockserver_requests",
            "Requests of the sessions there are, since their journals were emptied.",
            labels=["operation", "status"],
        )
        for session in sessions:
            records.add_metric([session.name], size(session.state))
            faults.add_metric([session.name], len(session.faults.rules))
        for (operation, status), count in sorted(_counted(sessions).items()):
            requests.add_metric([operation, str(status)], count)
        yield from (records, faults, requests)


def _counted(sessions: Iterable[Session]) -> Counter[tuple[str, int]]:
    counted: Counter[tuple[str, int]] = Counter()
    for session in sessions:
        for operation, tally in session.journal.counters.tallies().items():
            counted.update({(operation, status): n for status, n in tally.statuses.items()})
    return counted
