"""Use the mock in tests of any kind: serve it from a thread, and look into its worlds.

```python
with MockServer(scenario="default") as mock, mock.session() as world:
    world.faults.add(status=503, operation="books_create", times=1)
    requests.post(f"{world.url}/books", json={...}, headers=world.auth())
    world.verify(operation="books_create", status=503)
```

All that is asked of a world runs in the thread that serves, between two requests.
What cannot be done is a ValueError, or a LookupError for what is not there.
"""

from __future__ import annotations

from mockserver.journal import Entry
from mockserver.testing.controls import MockClock, MockFaults
from mockserver.testing.servers import MockServer, MockSession
from mockserver.testing.worlds import Described, World

__all__ = ["Described", "Entry", "MockClock", "MockFaults", "MockServer", "MockSession", "World"]
