"""Find the shipped spec and fixtures."""

from __future__ import annotations

from pathlib import Path

import mockserver


def root() -> Path:
    """Return the folder that holds spec/ and fixtures/, in a wheel or a checkout."""
    package = Path(mockserver.__file__).resolve().parent
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent
