"""The vendor's generated client, unmodified, against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver import assembly
from mockserver.assembly import Sources
from mockserver.data import root

STORY = Path(__file__).parent / "client_story.py"
#: Where `make test` puts the release that cannot be installed beside the other.
NEWER = Path(sys.prefix) / "clients" / "7.9.0"
NEWER_OVERLAY = root() / "spec" / "overlays" / "waldur-7.9.yaml"


def told_by_client(url: str, folder: Path | None = None) -> dict[str, Any]:
    environment = {**os.environ, **({"PYTHONPATH": str(folder)} if folder else {})}
    done = subprocess.run(
        [sys.executable, str(STORY), url, "YOUR_API_TOKEN"],
        capture_output=True, text=True, timeout=120, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_client_of_the_documented_release_parses_every_answer(
    serve: Callable[..., Any], shipped_api: Any
) -> None:
    running = serve(assembly.build(Sources(), strict=True))

    told = told_by_client(f"http://127.0.0.1:{running.port}")

    assert set(told) == set(shipped_api.operations)
    assert {name for name, answer in told.items() if answer["rows"] == 0} == set()


@pytest.mark.skipif(not NEWER.is_dir(), reason="release 7.9.0 is installed by `make test`")
def test_the_client_of_release_7_9_parses_every_answer(
    serve: Callable[..., Any], shipped_api: Any
) -> None:
    running = serve(assembly.build(Sources(overlays=(NEWER_OVERLAY,)), strict=True))

    told = told_by_client(f"http://127.0.0.1:{running.port}", NEWER)

    assert set(told) == set(shipped_api.operations)
    assert told["marketplace_plans_delete_organization_groups"]["status"] == 204
