"""Write multipart bodies, and files small enough to send."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

_BOUNDARY: Final = "contract-tests-part"
MEDIA: Final = "multipart/form-data"


def content_type() -> str:
    """Return the header that goes with such a body."""
    return f"{MEDIA}; boundary={_BOUNDARY}"


def written(fields: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return a body of single values, and of pictures by their field."""
    parts = [_part(f'name="{name}"', _text(value)) for name, value in fields.items()]
    parts += [
        _part(f'name="{name}"; filename="{name}.png"', content, "Content-Type: image/png\r\n")
        for name, content in files.items()
    ]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _part(said: str, content: bytes, more: str = "") -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {said}\r\n{more}\r\n"
    return head.encode() + content + b"\r\n"


def _text(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def picture(shade: int) -> bytes:
    """Return a PNG of one grey pixel; other shades are other files."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade % 256]))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
