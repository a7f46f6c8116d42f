"""The words that invented texts are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

#: Sentences with slots, and what may stand in each slot.
Phrases: TypeAlias = tuple[Sequence[str], Mapping[str, Sequence[str]]]

TOPICS: Final = (
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
MACHINES: Final = ("web", "db", "login", "worker", "gitlab", "jupyter", "backup", "gpu")
AUDIENCES: Final = (
    "a single research group",
    "whole faculties",
    "courses of one term",
    "pilot projects",
    "long-running services",
    "small companies",
)

PLAN_NAME: Final[Phrases] = (
    ("{size} {terms}",),
    {
        "size": ("Starter", "Basic", "Standard", "Plus", "Large", "Campus", "Enterprise"),
        "terms": ("monthly", "yearly", "pay as you go", "prepaid", "trial", "for partners"),
    },
)
PLAN: Final[Phrases] = (
    (
        "Meant for {audience}; {support}.",
        "For {audience}, with {extra}.",
        "Includes {extra}; {support}.",
        "Our usual choice for {audience}.",
    ),
    {
        "audience": AUDIENCES,
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
OFFERING_NAME: Final[Phrases] = (
    ("{flavour} {kind}",),
    {
        "flavour": ("Managed", "Shared", "Dedicated", "Secure", "Northern", "Green", "Federated"),
        "kind": ("Cloud", "Compute", "Storage", "Database", "Notebooks", "Backup", "Cluster"),
    },
)
OFFERING: Final[Phrases] = (
    (
        "Operated by us {where}, for {audience}.",
        "Ready within {delay} of the order; suits {audience}.",
        "For {audience}. We run it {where} and look after upgrades.",
    ),
    {
        "audience": AUDIENCES,
        "where": ("in two data centres", "on campus", "on renewable power", "behind the firewall"),
        "delay": ("an hour", "a working day", "a week"),
    },
)
COMPONENT: Final[Phrases] = (
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
PROVIDER: Final[Phrases] = (
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
PROJECT_NAME: Final[Phrases] = (
    ("{study} {topic}", "{study} {topic} in {place}", "{study} {topic}, {part}"),
    {
        "study": ("Atlas of", "Models for", "Long-term study of", "Open data on", "Pilot:"),
        "topic": TOPICS,
        "place": (
            "the Baltic states",
            "Bavaria",
            "Catalonia",
            "Estonia",
            "Flanders",
            "Galicia",
            "Ireland",
            "Karelia",
            "Lapland",
            "Lesser Poland",
            "northern Italy",
            "Scania",
            "the Alps",
            "the Azores",
        ),
        "part": ("part one", "part two", "preparation", "follow-up"),
    },
)
PROJECT: Final[Phrases] = (
    (
        "{work} in cooperation with {partner}.",
        "{work}; funded by {funder}.",
        "{work}. The results are published as open data.",
        "Preparation of an application to {funder}.",
    ),
    {
        "work": (
            "A three-year study",
            "Computations for a joint paper",
            "A doctoral thesis",
            "Measurements and their evaluation",
            "A pilot before the main study",
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
SERVICE_ACCOUNT: Final[Phrases] = (
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
COURSE_ACCOUNT: Final[Phrases] = (
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
USER: Final[Phrases] = (
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
TICKET: Final[Phrases] = (
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
ADDRESS: Final[Phrases] = (
    ("{street} {number}, {town}",),
    {
        "street": ("Kase", "Tamme", "Jõe", "Ülikooli", "Raekoja", "Pargi", "Mäe", "Sadama"),
        "number": tuple(map(str, range(1, 60))),
        "town": ("10115 Tallinn", "51005 Tartu", "80010 Pärnu", "20308 Narva", "65604 Võru"),
    },
)
KEY_NAME: Final[Phrases] = (
    ("{machine}-{year}", "{machine} key", "{machine} {place}"),
    {
        "machine": ("laptop", "workstation", "cluster", "desktop", "yubikey", "ci-runner"),
        "year": tuple(map(str, range(2017, 2026))),
        "place": ("at home", "at the office", "in the lab"),
    },
)
JOBS: Final = (
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
GIVEN_NAMES: Final = (
    "Aleksei", "Anneli", "Björn", "Carla", "Chloé", "Dimitra", "Eero", "Elif", "Emília", "Eszter",
    "Francesca", "Giulia", "Hanna", "Henrik", "Inês", "Jaan", "Jukka", "Kadri", "Kateřina", "Liis",
    "Marek", "Marta", "Mette", "Nikolaos", "Olena", "Pablo", "Pille", "Rasmus", "René", "Saoirse",
    "Selin", "Sofie", "Tanel", "Tiina", "Urmas", "Vera", "Viktória", "Wim", "Yusuf", "Zuzana",
)  # fmt: skip
#: Letters and digits that are not easily mistaken for one another.
CODE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
