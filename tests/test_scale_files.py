"""Several replicas behind one port: what the files for it say, and that it works."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import requests

from mockserver import stores
from tests.scale import (
    CONFIG,
    PARENT,
    REPLICAS,
    ROOT,
    SCALE,
    SERVE,
    SERVERS,
    SERVICES,
    Scale,
    config,
    journal,
    needs_nginx,
    needs_redis,
    nginx,
    served,
    started,
)

PLANS = "/api/marketplace-plans/"
STAFF = {"Authorization": "Token YOUR_API_TOKEN"}


class TestCompose:
    @pytest.mark.parametrize("name", SERVERS)
    def test_servers_have_options_that_there_are(self, name):
        known = {each.envvar for each in SERVE.params if isinstance(each, click.Option)}
        assert set(SERVICES[name]["environment"]) <= known
        assert served(name)["host"] == "0.0.0.0"

    def test_three_replicas_are_the_same(self):
        assert len(REPLICAS) == 3
        assert all(SERVICES[name] == SERVICES[REPLICAS[0]] for name in REPLICAS)

    @pytest.mark.parametrize("name", REPLICAS)
    def test_their_store_is_a_service(self, name):
        address = served(name)["store"]
        assert urlsplit(address).hostname in SERVICES[name]["depends_on"]
        # The port that the image listens on, since nobody tells it another.
        assert urlsplit(address).port == 6379
        stores.opened(address).close()

    def test_the_gateway_is_published_where_the_only_server_is_otherwise(self):
        assert SERVICES["gateway"]["ports"] == SERVICES["mock"]["ports"]
        assert [name for name in SCALE if "ports" in SERVICES[name]] == ["gateway"]

    def test_nothing_is_published_to_other_machines(self):
        published = [port for service in SERVICES.values() for port in service.get("ports", [])]
        assert {port.rpartition(":")[0].rpartition(":")[0] for port in published} == {"127.0.0.1"}

    def test_who_waits_for_others_waits_for_their_health(self):
        waits = {
            (name, other): how["condition"]
            for name in SCALE
            for other, how in SERVICES[name].get("depends_on", {}).items()
        }
        assert {other for _, other in waits} <= SCALE
        assert set(waits.values()) == {"service_healthy"}
        assert {name for name in SCALE if "healthcheck" not in SERVICES[name]} == set()

    def test_the_gateway_needs_all_replicas(self):
        assert sorted(SERVICES["gateway"]["depends_on"]) == REPLICAS

    def test_the_config_is_mounted_from_where_it_is(self):
        (source, target, mode) = SERVICES["gateway"]["volumes"][0].split(":")
        assert (ROOT / source).read_text("utf-8") == CONFIG
        assert (target, mode) == ("/etc/nginx/nginx.conf", "ro")

    def test_the_image_can_use_the_store(self):
        dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
        build = dockerfile.partition("FROM build AS")[0]
        assert "'.[redis]'" in build


class TestConfig:
    def test_it_knows_the_replicas(self):
        port = SERVE.make_context("serve", [], parent=PARENT).params["port"]
        named = re.findall(r"^ +server (\S+:\d+) ", CONFIG, re.MULTILINE)
        assert named == [f"{name}:{port}" for name in REPLICAS]

    def test_it_listens_where_the_gateway_is_published(self):
        (inside,) = {port.rpartition(":")[2] for port in SERVICES["gateway"]["ports"]}
        assert f"listen {inside};" in CONFIG

    @needs_nginx
    def test_nginx_takes_it(self, tmp_path):
        done = nginx(tmp_path, config(tmp_path, 4010, [4011, 4012, 4013]), "-t")
        said = done.communicate(timeout=60)[1].decode()
        assert done.returncode == 0, said
        assert "test is successful" in said

    @needs_nginx
    def test_nginx_takes_the_line_that_keeps_sessions_together(self, tmp_path):
        line = re.search(r"# .*, add: (hash .*;)", CONFIG)
        path = config(tmp_path, 4010, [4011, 4012, 4013])
        text = path.read_text("utf-8")
        path.write_text(text.replace("keepalive", f"{line[1]} keepalive"), encoding="utf-8")
        done = nginx(tmp_path, path, "-t")
        said = done.communicate(timeout=60)[1].decode()
        assert done.returncode == 0, said


@pytest.mark.slow
@needs_nginx
@needs_redis
class TestTogether:
    """Redis, three replicas and nginx, each on a port of its own."""

    def test_what_is_written_through_the_gateway_is_read_from_each_replica_at_once(self, scale):
        offering = requests.get(f"{scale.gateway}{PLANS}", headers=STAFF, timeout=30).json()[0]
        before = len(everything(scale.gateway))

        def write(client: int) -> list[str]:
            """Make plans, and look for each in every replica as soon as it is acknowledged."""
            found = []
            with requests.Session() as session:
                session.headers.update(STAFF)
                for number in range(5):
                    body = {
                        "name": f"Plan {client}/{number}",
                        "offering": offering["offering"],
                        "unit": "month",
                    }
                    made = session.post(f"{scale.gateway}{PLANS}", json=body, timeout=30)
                    assert made.status_code == 201, made.text
                    assert made.json()["url"].startswith(f"{scale.gateway}/")
                    path = urlsplit(made.json()["url"]).path
                    for replica in scale.replicas:
                        shown = session.get(f"{replica}{path}", timeout=30)
                        assert shown.status_code == 200, (replica, path)
                        assert shown.json()["name"] == body["name"]
                    found.append(made.json()["uuid"])
            return found

        with ThreadPoolExecutor(6) as pool:
            made = [each for client in pool.map(write, range(6)) for each in client]
        assert Counter(made).most_common(1)[0][1] == 1
        lists = [everything(replica) for replica in scale.replicas]
        assert len(lists[0]) == before + len(made) == before + 30
        assert lists[0] == lists[1] == lists[2]

    def test_no_change_is_lost_when_others_change_the_same_record(self, scale):
        with requests.Session() as session:
            session.headers.update(STAFF)
            offering = session.get(f"{scale.gateway}{PLANS}", timeout=30).json()[0]["offering"]
            body = {"name": "Shared", "offering": offering, "unit": "month"}
            made = session.post(f"{scale.gateway}{PLANS}", json=body, timeout=30).json()

        def write(field: str) -> list[int]:
            """Change one field of the plan again and again."""
            return [
                requests.patch(
                    made["url"], json={field: f"{field} {number}"}, headers=STAFF, timeout=30
                ).status_code
                for number in range(8)
            ]

        fields = ["name", "description", "article_code"]
        with ThreadPoolExecutor(len(fields)) as pool:
            statuses = [each for client in pool.map(write, fields) for each in client]
        assert statuses == [200] * 24
        for replica in scale.replicas:
            plan = everything(replica)[made["uuid"]]
            assert {field: plan[field] for field in fields} == {f: f"{f} 7" for f in fields}

    def test_every_replica_takes_its_turn(self, scale):
        told = [journal(replica) for replica in scale.replicas]
        for _ in range(30):
            requests.get(f"{scale.gateway}{PLANS}", headers=STAFF, timeout=30)
        more = [journal(replica) - old for replica, old in zip(scale.replicas, told, strict=True)]
        assert sum(more) == 30
        assert min(more) > 0

    def test_the_admin_api_is_closed_to_who_comes_through_the_gateway(self, scale):
        address = f"{scale.gateway}/__mock__/sessions"
        assert requests.get(address, timeout=30).status_code == 401

    def test_a_fault_that_somebody_asks_for_is_none_to_others(self, scale):
        statuses = [
            requests.get(f"{scale.gateway}{PLANS}", headers=STAFF | more, timeout=30).status_code
            for more in ({"Prefer": "fault=empty"}, {})
        ]
        assert statuses == [502, 200]

    @pytest.mark.parametrize(
        ("length", "status"), [(100, 200), (2_000, 200), (16_000, 200), (20_000, 414)]
    )
    def test_a_long_address_is_answered_or_refused(self, scale, length, status):
        words = f"?offering_slug=a&page_size=1&page=1&name={'y' * length}"
        assert (
            requests.get(scale.gateway + PLANS + words, headers=STAFF, timeout=30).status_code
            == status
        )

    def test_who_is_gone_is_not_missed_but_the_store_is(self, mortal):
        mortal.stop(mortal.processes[-1])
        answers = [
            requests.get(f"{mortal.gateway}{PLANS}", headers=STAFF, timeout=30) for _ in range(12)
        ]
        assert [each.status_code for each in answers] == [200] * 12
        mortal.stop(mortal.store)
        refused = requests.get(f"{mortal.gateway}{PLANS}", headers=STAFF, timeout=30)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0


@pytest.fixture(scope="module")
def scale(tmp_path_factory) -> Iterator[Scale]:
    """Run what the compose file runs, for tests that leave it alone."""
    with started(tmp_path_factory.mktemp("scale")) as made:
        yield made


@pytest.fixture
def mortal(tmp_path) -> Iterator[Scale]:
    """Run the same, to be broken."""
    with started(tmp_path) as made:
        yield made


def everything(address: str) -> dict[str, dict[str, Any]]:
    """Return all plans by their keys, without the links, which name the host."""
    found: dict[str, dict[str, Any]] = {}
    where = f"{address}{PLANS}?page_size=100"
    with requests.Session() as session:
        session.headers.update(STAFF)
        for plan in session.get(where, timeout=30).json():
            found[plan["uuid"]] = {
                name: value for name, value in plan.items() if "http" not in str(value)
            }
    return found
