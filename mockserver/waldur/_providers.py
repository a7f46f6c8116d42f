"""Invent words of the trade: names, descriptions and notes of a marketplace for research."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from faker.providers import BaseProvider

#: Sentences with slots, and what may stand in each slot.
Phrases: TypeAlias = tuple[Sequence[str], Mapping[str, Sequence[str]]]

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
_MACHINES: Final = ("web", "db", "login", "worker", "gitlab", "jupyter", "backup", "gpu")
_AUDIENCES: Final = (
    "a single research group",
    "whole faculties",
    "courses of one term",
    "pilot projects",
    "long-running services",
    "small companies",
)

_PLAN_NAME: Final[Phrases] = (
    ("{size} {terms}",),
    {
        "size": ("Starter", "Basic", "Standard", "Plus", "Large", "Campus", "Enterprise"),
        "terms": ("monthly", "yearly", "pay as you go", "prepaid", "trial", "for partners"),
    },
)
_PLAN: Final[Phrases] = (
    (
        "Meant for {audience}; {support}.",
        "For {audience}, with {extra}.",
        "Includes {extra}; {support}.",
        "Our usual choice for {audience}.",
    ),
    {
        "audience": _AUDIENCES,
        "support": (
            "support on working days",
            "support around the clock",
            "questions are answered within a day",
            "self-service only",
        ),
        "extra": (
            "daily backups",
            "monitoring",
            "an hour of advice",
            "a monthly usage report",
            "priority in the queue",
        ),
    },
)
_OFFERING_NAME: Final[Phrases] = (
    ("{flavour} {kind}",),
    {
        "flavour": ("Managed", "Shared", "Dedicated", "Secure", "Northern", "Green", "Federated"),
        "kind": ("Cloud", "Compute", "Storage", "Database", "Notebooks", "Backup", "Cluster"),
    },
)
_OFFERING: Final[Phrases] = (
    (
        "Operated by us {where}, for {audience}.",
        "Ready within {delay} of the order; suits {audience}.",
        "For {audience}. We run it {where} and look after upgrades.",
    ),
    {
        "audience": _AUDIENCES,
        "where": ("in two data centres", "on campus", "on renewable power", "behind the firewall"),
        "delay": ("an hour", "a working day", "a week"),
    },
)
_COMPONENT: Final[Phrases] = (
    ("{counted}; {shown}.",),
    {
        "counted": (
            "Measured every hour",
            "Taken from the accounting records",
            "Counted at the end of the period",
            "The highest value of the day counts",
        ),
        "shown": (
            "partial units are rounded up",
            "listed separately on the invoice",
            "changes take effect the next day",
            "reported to the project every month",
        ),
    },
)
_PROVIDER: Final[Phrases] = (
    ("{what} for {whom}.", "{what}, run by a small team {where}.", "{what} for {whom}, {where}."),
    {
        "what": (
            "Computing and storage",
            "Cloud services and advice",
            "Research software and training",
            "Data services",
        ),
        "whom": ("universities", "public research", "science and industry", "laboratories"),
        "where": ("on campus", "in the region", "since 2009", "around the clock"),
    },
)
_PROJECT_NAME: Final[Phrases] = (
    ("{study} {topic}",),
    {
        "study": ("Atlas of", "Models for", "Long-term study of", "Open data on", "Pilot:"),
        "topic": _TOPICS,
    },
)
_PROJECT: Final[Phrases] = (
    (
        "{work} in cooperation with {partner}.",
        "{work}; funded by {funder}.",
        "{work}. The results are published as open data.",
        "Preparation of a proposal to {funder}.",
    ),
    {
        "work": (
            "Simulations and analysis of field measurements",
            "Digitisation and search of an archive",
            "Processing of sensor data",
            "Training of statistical models",
            "A survey and its evaluation",
        ),
        "partner": (
            "the national museum",
            "two partner universities",
            "a hospital",
            "the environment agency",
            "an industrial partner",
        ),
        "funder": ("the research council", "a European grant", "a foundation", "the faculty"),
    },
)
_SERVICE_ACCOUNT: Final[Phrases] = (
    ("{task} {place}.",),
    {
        "task": (
            "Uploads results",
            "Starts nightly jobs",
            "Runs the tests",
            "Copies raw data",
            "Collects metrics",
            "Publishes the website",
        ),
        "place": (
            "from the laboratory",
            "on the cluster",
            "for the whole group",
            "to the shared storage",
            "of the project",
        ),
    },
)
_COURSE_ACCOUNT: Final[Phrases] = (
    ("{who}, {group}.",),
    {
        "who": (
            "Participant",
            "Guest from another faculty",
            "Doctoral student",
            "Exchange student",
        ),
        "group": ("group A", "group B", "evening group", "online group"),
    },
)
_USER: Final[Phrases] = (
    ("{fact}.", "{fact}. {wish}."),
    {
        "fact": (
            "Works part-time",
            "Joined through the summer school",
            "Visiting from abroad until spring",
            "Responsible for the data of the group",
            "Contact for the laboratory",
        ),
        "wish": ("Prefers e-mail", "Writes Estonian and English", "Best reached in the morning"),
    },
)
_STAFF_NOTE: Final[Phrases] = (
    ("{fact}; {action}.",),
    {
        "fact": (
            "Asked for a larger quota",
            "Usage is far below the plan",
            "The contact person is on leave",
            "Report of last year is missing",
        ),
        "action": ("ask again in spring", "talk to the head of the group", "see the ticket"),
    },
)
_TICKET: Final[Phrases] = (
    ("{what} {when}",),
    {
        "what": (
            "Connections are refused",
            "Backup did not finish",
            "Quota is shown wrongly",
            "Very slow responses",
            "Access for a new colleague is missing",
        ),
        "when": ("since yesterday", "after the maintenance", "every morning", "from outside"),
    },
)
_ADDRESS: Final[Phrases] = (
    ("{street} {number}, {town}",),
    {
        "street": ("Kase", "Tamme", "Jõe", "Ülikooli", "Raekoja", "Pargi", "Mäe", "Sadama"),
        "number": tuple(map(str, range(1, 60))),
        "town": ("10115 Tallinn", "51005 Tartu", "80010 Pärnu", "20308 Narva", "65604 Võru"),
    },
)
_KEY_NAME: Final[Phrases] = (
    ("{machine}-{year}", "{machine} key", "{machine} {place}"),
    {
        "machine": ("laptop", "workstation", "cluster", "desktop", "yubikey", "ci-runner"),
        "year": tuple(map(str, range(2017, 2026))),
        "place": ("at home", "at the office", "in the lab"),
    },
)
_JOBS: Final = (
    "Researcher",
    "PhD student",
    "Research engineer",
    "Lecturer",
    "Data steward",
    "Postdoctoral fellow",
    "Laboratory manager",
    "",
)
#: Names whose accents a plain-text address can drop without losing a letter.
_GIVEN_NAMES: Final = (
    "Aleksei", "Anneli", "Björn", "Carla", "Chloé", "Dimitra", "Eero", "Elif", "Emília", "Eszter",
    "Francesca", "Giulia", "Hanna", "Henrik", "Inês", "Jaan", "Jukka", "Kadri", "Kateřina", "Liis",
    "Marek", "Marta", "Mette", "Nikolaos", "Olena", "Pablo", "Pille", "Rasmus", "René", "Saoirse",
    "Selin", "Sofie", "Tanel", "Tiina", "Urmas", "Vera", "Viktória", "Wim", "Yusuf", "Zuzana",
)  # fmt: skip
#: Letters and digits that are not easily mistaken for one another.
_CODE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class WaldurProvider(BaseProvider):
    """What Faker lacks for a marketplace of research services."""

    def plan_name(self) -> str:
        """Return the name of a plan."""
        return self._say(_PLAN_NAME)

    def plan_description(self) -> str:
        """Return for whom a plan is, or what it includes."""
        return self._say(_PLAN)

    def offering_name(self) -> str:
        """Return the name of an offering."""
        return self._say(_OFFERING_NAME)

    def offering_description(self) -> str:
        """Return how a service is run and for whom."""
        return self._say(_OFFERING)

    def component_description(self) -> str:
        """Return how a part of an offering is counted."""
        return self._say(_COMPONENT)

    def provider_description(self) -> str:
        """Return what a provider does."""
        return self._say(_PROVIDER)

    def project_name(self) -> str:
        """Return the name of a project."""
        return self._say(_PROJECT_NAME)

    def project_description(self) -> str:
        """Return what a project does and with whom."""
        return self._say(_PROJECT)

    def resource_name(self) -> str:
        """Return the name of a resource, as a person would call a machine."""
        return f"{self.random_element(_MACHINES)}-{self.random_int(1, 99):02}"

    def service_account_description(self) -> str:
        """Return what a program uses its account for."""
        return self._say(_SERVICE_ACCOUNT)

    def course_account_description(self) -> str:
        """Return who in a course an account is for."""
        return self._say(_COURSE_ACCOUNT)

    def given_name(self) -> str:
        """Return a first name from somewhere in Europe."""
        return str(self.random_element(_GIVEN_NAMES))

    def research_job(self) -> str:
        """Return a job title of a university, now and then none."""
        return str(self.random_element(_JOBS))

    def user_description(self) -> str:
        """Return what an administrator wrote down about a person."""
        return self._say(_USER)

    def staff_note(self) -> str:
        """Return a note that operators leave for one another."""
        return self._say(_STAFF_NOTE)

    def ticket_summary(self) -> str:
        """Return the subject of a request for help."""
        return self._say(_TICKET)

    def postal_address(self) -> str:
        """Return an address in Estonia."""
        return self._say(_ADDRESS)

    def api_secret_code(self) -> str:
        """Return a secret code of sixteen characters."""
        return "".join(self.random_elements(_CODE_LETTERS, length=16))

    def ssh_key_name(self) -> str:
        """Return the name of a key: which device it is on."""
        return self._say(_KEY_NAME)

    def ssh_public_key(self) -> str:
        """Return a well-formed Ed25519 line that belongs to no private key."""
        name, point = b"ssh-ed25519", self.generator.random.randbytes(32)
        parts = (len(part).to_bytes(4, "big") + part for part in (name, point))
        return f"ssh-ed25519 {b64encode(b''.join(parts)).decode()}"

    def _say(self, phrases: Phrases) -> str:
        sentences, slots = phrases
        words = {name: self.random_element(choices) for name, choices in slots.items()}
        return str(self.random_element(sentences)).format(**words)
