"""What the compose file runs for several replicas, without containers: store, servers, gateway."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import requests
import yaml

from mockserver import cli

ROOT = Path(__file__).resolve().parent.parent
CONFIG = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SCALE = {name for name, service in SERVICES.items() if service.get("profiles") == ["scale"]}
SERVERS = sorted(
    name for name, service in SERVICES.items() if service.get("build", {}).get("target") == "mock"
)
REPLICAS = sorted(SCALE & set(SERVERS))
SERVE = cli.main.commands["serve"]
#: Commands remember how they were first asked for help, so they are made below the group.
PARENT = click.Context(cli.main, info_name="mockserver", **cli.main.context_settings)

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
REDIS = shutil.which("valkey-server") or shutil.which("redis-server")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
needs_redis = pytest.mark.skipif(REDIS is None, reason="neither Valkey nor Redis is installed")


@dataclass(frozen=True)
class Store:
    """A store that listens: its port and its process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """What a replica is told by the compose file, at this port."""
        told = urlsplit(served(REPLICAS[0])["store"])
        return told._replace(netloc=f"127.0.0.1:{self.port}").geturl()


@dataclass(frozen=True)
class Server:
    """A mock server that listens: its address and its process."""

    url: str
    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Scale:
    """What runs: the addresses of the gateway and of the replicas, and their processes."""

    gateway: str
    replicas: list[str]
    processes: list[subprocess.Popen[bytes]]
    store: subprocess.Popen[bytes]

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(30)


def served(name: str) -> dict[str, Any]:
    """Return the options of a service, read by the command itself; click refuses unknown ones."""
    verb, *arguments = SERVICES[name].get("command", ["serve", "--host", "0.0.0.0"])
    assert verb == "serve"
    return SERVE.make_context("serve", arguments, parent=PARENT).params


@contextmanager
def started(folder: Path) -> Iterator[Scale]:
    """Run the services of the compose file."""
    options = SERVICES[REPLICAS[0]]["command"][1:]
    with (
        stored(folder) as kept,
        serving(folder, *options, "--store", kept.address, count=len(REPLICAS)) as replicas,
        gateway(folder, [each.url for each in replicas]) as door,
    ):
        urls = [each.url for each in replicas]
        yield Scale(door, urls, [each.process for each in replicas], kept.process)


@contextmanager
def stored(folder: Path) -> Iterator[Store]:
    """Run the store of the compose file."""
    port = free_port()
    redis = [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    # What the service is told, and where.
    with running([*redis, *SERVICES["valkey"]["command"][1:]]) as process:
        wait_until(lambda: connects(port))
        yield Store(port, process)


@contextmanager
def serving(folder: Path, *options: str, count: int = 1) -> Iterator[list[Server]]:
    """Run so many servers with the same options, each on a port of its own."""
    files = [folder / f"port{number}" for number in range(count)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                running([sys.executable, "-m", "mockserver", "serve", *options,
                         "--host", "127.0.0.1", "--port", "0", "--port-file", str(file),
                         "--log-level", "error"])
            )
            for file in files
        ]  # fmt: skip
        wait_until(lambda: all(file.exists() for file in files))
        yield [
            Server(f"http://127.0.0.1:{int(file.read_text('ascii'))}", process)
            for file, process in zip(files, processes, strict=True)
        ]


@contextmanager
def gateway(folder: Path, replicas: list[str], *, is_sticky: bool = True) -> Iterator[str]:
    """Run nginx before replicas; if it is not sticky, it connects anew for each request."""
    door = free_port()
    path = config(folder, door, [int(urlsplit(each).port or 0) for each in replicas])
    if not is_sticky:
        text = path.read_text("utf-8")
        path.write_text(text.replace("keepalive 32;", ""), encoding="utf-8")
    process = nginx(folder, path)
    try:
        wait_until(lambda: connects(door))
        yield f"http://127.0.0.1:{door}"
    finally:
        end(process)


def config(folder: Path, port: int, replicas: list[int]) -> Path:
    """Write the shipped config, with addresses of this machine and files in a folder."""
    text = CONFIG
    for name, own in zip(REPLICAS, replicas, strict=True):
        text = text.replace(f"server {name}:4010 ", f"server 127.0.0.1:{own} ")
    text = text.replace("listen 4010;", f"listen 127.0.0.1:{port};")
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"  {part}_temp_path {folder}/{part};\n" for part in parts)
    text = text.replace("http {\n", "http {\n" + temporary)
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    return path


def nginx(folder: Path, path: Path, *more: str) -> subprocess.Popen[bytes]:
    here = f"pid {folder}/nginx.pid; daemon off;"
    if os.geteuid() == 0:
        # Otherwise its workers are somebody who may not write long bodies into this folder.
        here += " user root;"
    return subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(path), "-e", "stderr", "-g", here, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if more else None,
    )


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it looks after."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def journal(address: str) -> int:
    """Return how many requests a replica has answered."""
    answer = requests.get(f"{address}/__mock__/requests", timeout=30)
    return int(answer.json()["total"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def connects(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool], seconds: float = 90) -> None:
    late = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < late, "it takes too long"
        time.sleep(0.02)
