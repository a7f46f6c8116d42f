"""Hand out the files of the console."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mockserver.exchange import Request, Response

#: Nothing from elsewhere, no frames around it; the explorer writes styles of its own.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOLDER: Final = Path(__file__).resolve().parent / "console"
_INDEX: Final = "index.html"


#: Text shorter than this is sent as it is, in bytes.
_WORTH_PACKING: Final = 1024


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the console; `packed` is its gzip, or empty where that gains nothing."""

    body: bytes
    packed: bytes
    kind: str
    tag: str


@cache
def _read(name: str) -> _File | None:
    """Return a file by its path below the folder; None when there is none."""
    path = (_FOLDER / name).resolve()
    if not path.is_relative_to(_FOLDER) or not path.is_file():
        return None
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind in ("application/javascript", "image/svg+xml")
    if is_text:
        kind += "; charset=utf-8"
    packed = gzip.compress(body, 6, mtime=0) if is_text and len(body) > _WORTH_PACKING else b""
    return _File(body, packed, kind, hashlib.sha256(body).hexdigest()[:24])


@cache
def names() -> frozenset[str]:
    """Return the files there are, as paths below the folder."""
    return frozenset(
        path.relative_to(_FOLDER).as_posix() for path in _FOLDER.rglob("*") if path.is_file()
    )


def answer(request: Request, name: str) -> Response | None:
    """Return the answer with a file; None when there is none of that name."""
    name = name if name and not name.endswith("/") else f"{name}{_INDEX}"
    found = _read(name) if name in names() else None
    if found is None or request.method not in ("GET", "HEAD"):
        return None
    is_packed = bool(found.packed) and _takes_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{found.tag}-gzip"' if is_packed else f'"{found.tag}"'
    headers = {
        "Content-Type": found.kind,
        "ETag": tag,
        # Asked for again each time, so that an update of the server shows at once.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(304, headers)
    if is_packed:
        return Response(200, {**headers, "Content-Encoding": "gzip"}, found.packed)
    return Response(200, headers, found.body)


def _takes_gzip(accepted: str) -> bool:
    """Tell whether a client unpacks gzip; it may name it to refuse it, too."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False
