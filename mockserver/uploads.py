"""Hold what a form carries, and keep the pictures it uploads."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.actions import Scope
from mockserver.json_types import JSON
from mockserver.scalars import refused


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A body of form fields: every value of every name, and the files."""

    fields: Mapping[str, list[Any]]


def store_picture(value: JSON, scope: Scope) -> JSON:
    """Store an uploaded picture and return its key; raise Refused when it is none."""
    if value == "":
        # How a form says that there is no file.
        return None
    if not isinstance(value, Upload):
        raise refused("not_a_file")
    if not value.content:
        raise refused("empty_file")
    media_type = _picture_type(value.content)
    if media_type is None:
        raise refused("not_an_image")
    key = scope.call.new_id()
    data = base64.b64encode(value.content).decode()
    scope.store.insert("media", {"uuid": key, "content_type": media_type, "data": data})
    return key


def _picture_type(content: bytes) -> str | None:
    """Return the media type that the bytes themselves show; a client could lie about it."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
            return image.get_format_mimetype() or "application/octet-stream"
    except Exception:  # noqa: BLE001  Pillow's decoders raise whatever they meet
        return None
