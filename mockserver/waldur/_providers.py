"""Invent words of the trade: names, descriptions and notes of a marketplace for research."""

from __future__ import annotations

from base64 import b64encode

from faker.providers import BaseProvider

from mockserver.waldur import _phrases


class WaldurProvider(BaseProvider):
    """What Faker lacks for a marketplace of research services."""

    def plan_name(self) -> str:
        """Return the name of a plan."""
        return self._say(_phrases.PLAN_NAME)

    def plan_description(self) -> str:
        """Return for whom a plan is, or what it includes."""
        return self._say(_phrases.PLAN)

    def offering_name(self) -> str:
        """Return the name of an offering."""
        return self._say(_phrases.OFFERING_NAME)

    def offering_description(self) -> str:
        """Return how a service is run and for whom."""
        return self._say(_phrases.OFFERING)

    def component_description(self) -> str:
        """Return how a part of an offering is counted."""
        return self._say(_phrases.COMPONENT)

    def provider_description(self) -> str:
        """Return what a provider does."""
        return self._say(_phrases.PROVIDER)

    def project_name(self) -> str:
        """Return the name of a project."""
        return self._say(_phrases.PROJECT_NAME)

    def project_description(self) -> str:
        """Return what a project does and with whom."""
        return self._say(_phrases.PROJECT)

    def resource_name(self) -> str:
        """Return the name of a resource, as a person would call a machine."""
        return f"{self.random_element(_phrases.MACHINES)}-{self.random_int(1, 99):02}"

    def service_account_description(self) -> str:
        """Return what a program uses its account for."""
        return self._say(_phrases.SERVICE_ACCOUNT)

    def course_account_description(self) -> str:
        """Return who in a course an account is for."""
        return self._say(_phrases.COURSE_ACCOUNT)

    def given_name(self) -> str:
        """Return a first name from somewhere in Europe."""
        return str(self.random_element(_phrases.GIVEN_NAMES))

    def research_job(self) -> str:
        """Return a job title of a university, now and then none."""
        return str(self.random_element(_phrases.JOBS))

    def user_description(self) -> str:
        """Return what an administrator wrote down about a person."""
        return self._say(_phrases.USER)

    def ticket_summary(self) -> str:
        """Return the subject of a request for help."""
        return self._say(_phrases.TICKET)

    def postal_address(self) -> str:
        """Return an address in Estonia."""
        return self._say(_phrases.ADDRESS)

    def api_secret_code(self) -> str:
        """Return a secret code of sixteen characters."""
        return "".join(self.random_elements(_phrases.CODE_LETTERS, length=16))

    def ssh_key_name(self) -> str:
        """Return the name of a key: which device it is on."""
        return self._say(_phrases.KEY_NAME)

    def ssh_public_key(self) -> str:
        """Return a well-formed Ed25519 line that belongs to no private key."""
        name, point = b"ssh-ed25519", self.generator.random.randbytes(32)
        parts = (len(part).to_bytes(4, "big") + part for part in (name, point))
        return f"ssh-ed25519 {b64encode(b''.join(parts)).decode()}"

    def _say(self, phrases: _phrases.Phrases) -> str:
        sentences, slots = phrases
        words = {name: self.random_element(choices) for name, choices in slots.items()}
        return str(self.random_element(sentences)).format(**words)
