"""Invent words of the trade: names of plans, offerings, projects and machines."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from faker.providers import BaseProvider

_SIZES: Final = ("Starter", "Basic", "Standard", "Plus", "Large", "Campus", "Enterprise")
_TERMS: Final = ("monthly", "yearly", "pay as you go", "prepaid", "trial", "for partners")
_KINDS: Final = ("Cloud", "Compute", "Storage", "Database", "Notebook", "Backup", "Cluster")
_FLAVOURS: Final = ("Managed", "Shared", "Dedicated", "Secure", "Northern", "Green", "Federated")
_TOPICS: Final = (
    "lake sediments",
    "bird migration",
    "battery chemistry",
    "medieval charters",
    "urban noise",
    "protein folding",
    "wind forecasts",
    "dialect maps",
    "crop genomics",
    "tidal energy",
    "speech recognition",
    "glacier retreat",
)
_STUDIES: Final = ("Atlas of", "Models for", "Long-term study of", "Open data on", "Pilot:")
_MACHINES: Final = ("web", "db", "login", "worker", "gitlab", "jupyter", "backup", "gpu")
#: Letters and digits that are not easily mistaken for one another.
_CODE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class WaldurProvider(BaseProvider):
    """What Faker lacks for a marketplace of research services."""

    def plan_name(self) -> str:
        """Return the name of a plan."""
        return f"{self.random_element(_SIZES)} {self.random_element(_TERMS)}"

    def offering_name(self) -> str:
        """Return the name of an offering."""
        return f"{self.random_element(_FLAVOURS)} {self.random_element(_KINDS)}"

    def project_name(self) -> str:
        """Return the name of a project."""
        return f"{self.random_element(_STUDIES)} {self.random_element(_TOPICS)}"

    def resource_name(self) -> str:
        """Return the name of a resource, as a person would call a machine."""
        return f"{self.random_element(_MACHINES)}-{self.random_int(1, 99):02}"

    def api_secret_code(self) -> str:
        """Return a secret code of sixteen characters."""
        return "".join(self.random_elements(_CODE_LETTERS, length=16))

    def ssh_key_name(self) -> str:
        """Return the comment of a key: whose laptop it is from."""
        return f"{self.random_element(_MACHINES)}-key-{self.random_int(2015, 2025)}"

    def ssh_public_key(self) -> str:
        """Return a well-formed Ed25519 line that belongs to no private key."""
        name, point = b"ssh-ed25519", self.generator.random.randbytes(32)
        parts = (len(part).to_bytes(4, "big") + part for part in (name, point))
        return f"ssh-ed25519 {b64encode(b''.join(parts)).decode()}"
