"""Serve the same bytes to everyone: the least that aiohttp can be asked to do."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from benchmarks.load import HOST, Answer

_ADDED: Final = frozenset({"Content-Length", "Date", "Server"})


async def serve(answer: Answer, port_file: Path) -> None:
    """Give one answer to every request until killed; write the port to a file."""

    async def handle(request: web.BaseRequest) -> web.Response:
        if request.can_read_body:
            await request.read()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    partial = port_file.with_suffix(".partial")
    partial.write_text(str(runner.addresses[0][1]), encoding="ascii")
    partial.replace(port_file)
    await asyncio.Event().wait()


def read_answer(path: Path) -> Answer:
    """Return the answer that a file describes."""
    said = json.loads(path.read_text(encoding="utf-8"))
    return Answer(said["status"], said["headers"], said["body"].encode())


def write_answer(path: Path, answer: Answer) -> None:
    """Describe an answer in a file, without the headers that aiohttp adds by itself."""
    headers = {name: text for name, text in answer.headers.items() if name not in _ADDED}
    said = {"status": answer.status, "headers": headers, "body": answer.body.decode()}
    path.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(read_answer(Path(sys.argv[1])), Path(sys.argv[2])))
