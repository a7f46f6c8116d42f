"""Keys of the users of a provider."""

from __future__ import annotations

import base64
import hashlib

from tests.oracle import filters
from tests.oracle.listing import Listing
from tests.oracle.world import Ask, Row, link, users


def _blob(key: Row) -> bytes:
    return base64.b64decode(key["public_key"].split()[1])


def _md5(ask: Ask, key: Row) -> str:
    return hashlib.md5(_blob(key)).digest().hex(":")


def _sha(name: str, key: Row) -> str:
    digest = hashlib.new(name, _blob(key)).digest()
    return f"{name.upper()}:{base64.b64encode(digest).decode().rstrip('=')}"


def _show(ask: Ask, key: Row) -> Row:
    return {
        "url": link("keys", key["uuid"]),
        **{name: key[name] for name in ("uuid", "name", "public_key", "is_shared")},
        "fingerprint_md5": _md5(ask, key),
        "fingerprint_sha256": _sha("sha256", key),
        "fingerprint_sha512": _sha("sha512", key),
        "user_uuid": key["user"],
        "type": key["public_key"].split()[0],
    }


def _keys(ask: Ask) -> list[Row]:
    owners = {user["uuid"] for user in users(ask.world, ask.customer)}
    return [key for key in ask.world.all("ssh_key") if key["user"] in owners]


LISTINGS = [
    Listing(
        "marketplace_service_providers_keys_list",
        "/api/marketplace-service-providers/{}/keys/",
        _keys,
        _show,
        default=("name",),
        keys={"name": filters.of("name")},
        filters={
            "created": filters.since(filters.of("created")),
            "fingerprint_md5": filters.exact(_md5),
            "fingerprint_sha256": filters.exact(lambda ask, key: _sha("sha256", key)),
            "fingerprint_sha512": filters.exact(lambda ask, key: _sha("sha512", key)),
            "is_shared": filters.flag(filters.of("is_shared")),
            "modified": filters.since(filters.of("modified")),
            "name": filters.contains(filters.of("name")),
            "name_exact": filters.exact(filters.of("name")),
            "user_uuid": filters.uuid(filters.of("user")),
            "uuid": filters.uuid(filters.of("uuid")),
        },
        orders=("name",),
        fields=(
            *("url", "uuid", "name", "public_key", "fingerprint_md5", "fingerprint_sha256"),
            *("fingerprint_sha512", "user_uuid", "is_shared", "type"),
        ),
        needs="SERVICE_PROVIDER.LIST_KEYS",
    )
]
