"""The properties that are tested, each a promise in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contract_tests.catalogue_types import Rule
from contract_tests.result import Severity

_SECTIONS: Final = {
    "A": "Every answer",
    "B": "Create, read, update, delete",
    "C": "Actions and life cycle",
    "D": "Lists",
    "E": "Rejected input",
    "F": "Who may",
    "G": "Robustness",
    "H": "At the same time",
    "S": "Schemathesis",
}


def _rule(
    name: str, label: str, claim: str, severity: Severity = "high", wfc: int | None = None
) -> Rule:
    return Rule(name, label, claim, severity, wfc, _SECTIONS[name[0]])


_RULES: Final = (
    _rule("A1", "no-crash", "No request makes the server fail with a 5xx.", "high", 100),
    _rule("A2", "documented-status", "Every status is one that the description lists.", "medium", 200),
    _rule("A3", "media-type", "The media type is the described one.", "medium", 200),
    _rule("A4", "schema", "The body is as its schema says.", "high", 200),
    _rule("A5", "nothing-else", "The body has no member that is not described.", "medium", 200),
    _rule("A6", "headers", "Described headers are there and of their type.", "medium", 200),
    _rule("A7", "protocol", "The answer keeps the rules of HTTP.", "low", 105),
    _rule("A8", "no-internals", "No answer shows the inside of the server.", "medium", 309),
    _rule("A9", "in-time", "No answer takes longer than --slow seconds.", "low"),
    _rule("B1", "create-accepts", "A valid body is accepted.", "high", 207),
    _rule("B2", "create-echo", "The answer to a create shows what was sent."),
    _rule("B3", "read-your-create", "What was created can be read back, equal.", "high", 122),
    _rule("B4", "create-default", "What is left out gets its declared default."),
    _rule("B5", "create-once", "A create adds exactly one record."),
    _rule("B6", "list-shows-create", "A new record is in its list, as its detail shows it."),
    _rule("B7", "put-echo", "A PUT is answered and read back as sent."),
    _rule("B8", "put-replaces", "A PUT resets what it leaves out.", "high", 117),
    _rule("B9", "put-repeats", "The same PUT twice leaves the same record.", "medium", 118),
    _rule("B10", "patch-only-named", "A PATCH changes the named fields and no others.", "high", 119),
    _rule("B11", "patch-empty", "An empty PATCH changes nothing; null is not the same as absent.", "high", 119),
    _rule("B12", "every-write-counts", "Each of several writes can be read back."),
    _rule("B13", "others-stay", "A write leaves every other record as it was."),
    _rule("B14", "read-only", "Fields that clients may not write cannot be written.", "high", 303),
    _rule("B15", "touched", "Server-kept times move on a write; the others stay."),
    _rule("B16", "deleted-is-gone", "A deleted record answers 404 everywhere.", "high", 113),
    _rule("B17", "deleted-not-listed", "A deleted record leaves its list, and only it does.", "high", 113),
    _rule("B18", "unknown-is-404", "A key that nobody has is 404."),
    _rule("B19", "refused-no-effect", "A refused write changes nothing.", "high", 114),
    _rule("B20", "edge-values", "Values at the edge of the schema survive.", "medium", 207),
    _rule("B21", "unique", "What must be unique is refused the second time."),
    _rule("B22", "belongs-to-parent", "A nested list has the parent's records, and an unknown parent is 404."),
    _rule("B23", "reading-is-safe", "Reading changes nothing."),
    _rule("B24", "one-truth", "What a record shows is the same wherever it is shown."),
    _rule("B25", "delete-cascade", "A delete takes along, or is stopped by, what it says."),
    _rule("C1", "action-effect", "An action changes what it declares, as declared, and nothing else."),
    _rule("C2", "action-repeat", "The same action again does what the description says."),
    _rule("C3", "action-refused", "An action refuses the states that it says it refuses."),
    _rule("C5", "life-cycle", "In every reachable state every write does as described."),
    _rule("C7", "action-creates", "An action that creates makes exactly one record."),
    _rule("D1", "filter-sound", "Every row of a filtered list passes the filter."),
    _rule("D2", "filter-complete", "A filtered list has every row that passes."),
    _rule("D3", "filter-splits", "The values of a filter split the list without overlap or gap."),
    _rule("D4", "filter-boundary", "A bound that equals a value includes or excludes it, as declared."),
    _rule("D5", "filter-falsy", "False, zero and the like are values, not absence."),
    _rule("D6", "filters-and", "Two filters together keep what each of them keeps."),
    _rule("D7", "filter-several", "Several values of a filter keep what any of them keeps."),
    _rule("D8", "filter-nothing", "A value that nothing has keeps nothing."),
    _rule("D9", "filter-literal", "Wildcards, case and spaces mean what is declared."),
    _rule("D10", "filter-own-field", "A filter looks at its own field only."),
    _rule("D11", "filter-invalid", "A value that cannot be read does what is declared."),
    _rule("D12", "filter-narrows", "A filter never adds rows."),
    _rule("D13", "order", "Rows are in the order asked for, in both directions."),
    _rule("D14", "order-permutes", "An order neither adds nor drops rows."),
    _rule("D15", "order-stable", "Under one order, pages neither repeat nor lose a row."),
    _rule("D16", "order-default", "Without an order, the declared default holds."),
    _rule("D17", "pages-partition", "Pages follow each other without overlap or gap."),
    _rule("D18", "total", "The total is the number of rows, on every page and for every filter."),
    _rule("D19", "page-bounds", "Sizes and numbers out of bounds do what is declared."),
    _rule("D20", "links", "Page links lead where they say and keep the query."),
    _rule("D21", "first-page", "Page one is what comes without a page."),
    _rule("D22", "fieldset-exact", "A fieldset gives exactly the asked fields, unchanged."),
    _rule("D23", "fieldset-neutral", "A fieldset changes neither rows, order nor total."),
    _rule("D24", "list-is-detail", "A row shows what the record's own page shows."),
    _rule("D25", "list-features", "Filters, order, pages and fieldsets work together."),
    _rule("D26", "repeatable", "The same question has the same answer."),
    _rule("D27", "order-invalid", "An unknown order does what is declared."),
    _rule("D28", "head", "HEAD says what GET says, without the body."),
    _rule("E1", "required", "A body without a required field is refused.", "medium", 201),
    _rule("E2", "invalid", "A value against its schema is refused.", "medium", 201),
    _rule("E3", "body-shape", "A body of the wrong shape or media type is refused.", "medium", 201),
    _rule("E4", "undeclared", "A member that is not declared is never stored and never a crash.", "medium", 303),
    _rule("F1", "auth-required", "Without a valid token nothing is answered and nothing happens.", "high", 206),
    _rule("F2", "permission", "Who lacks the permission is refused, and nothing happens.", "high", 205),
    _rule("F3", "visibility", "What a caller may not see is neither listed nor found.", "high", 204),
    _rule("F4", "public", "What is public needs no token.", "medium"),
    _rule("G1", "nasty-text", "No text makes the server fail."),
    _rule("G2", "nasty-number", "No number makes the server fail."),
    _rule("G3", "nasty-query", "No query makes the server fail or hides rows."),
    _rule("G4", "methods", "A method that is not described is 405 and says which are.", "low", 110),
    _rule("H1", "parallel", "Requests at the same time do as they would one after the other."),
)  # fmt: skip

#: Property id -> rule.
CATALOGUE: Final[Mapping[str, Rule]] = {rule.id: rule for rule in _RULES}

#: A failure of the second is no news when the first failed on the same operation:
#: property -> the properties that it rests upon.
RESTS_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "B2": ("B1",), "B3": ("B2",), "B4": ("B1",), "B5": ("B1",), "B6": ("B3",),
    "B7": ("B3",), "B8": ("B7",), "B9": ("B7",), "B10": ("B3",), "B11": ("B10",),
    "B12": ("B10",), "B20": ("B2",), "C2": ("C1",), "C5": ("B7", "B10", "C1", "B16"),
    "D2": ("D1",), "D3": ("D1", "D2"), "D4": ("D1", "D2"), "D5": ("D1", "D2"),
    "D6": ("D1", "D2", "D8"), "D7": ("D1", "D2", "D8"), "D8": ("D1",), "D9": ("D1", "D2", "D8"),
    "D10": ("D1", "D8"), "D11": ("D1", "D8"), "D12": ("D1", "D8"),
    "D18": ("D1", "D2", "D8", "D17"),
    "D14": ("D17",), "D15": ("D13", "D17"), "D16": ("D13",), "D20": ("D17",), "D21": ("D17",),
    "D23": ("D22",), "D25": ("D1", "D2", "D7", "D8", "D13", "D17", "D18", "D19", "D22"),
    "G3": ("D1", "D8", "D11"), "D28": ("A2",),
    "B17": ("B16",),
}  # fmt: skip

#: What follows when a property fails everywhere: whoever answers for records that he does
#: not have keeps none; whoever ignores every filter ignores their refinements.
CONSEQUENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "B18": (
        "B3", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B13", "B14", "B15", "B16", "B17",
        "B19", "B21", "B22", "B23", "B25", "C1", "C2", "C3", "C5", "C7", "D24", "F3",
    ),
    "B2": ("B4", "B20", "E4", "G1", "G2"),
    "D8": ("D1", "D2", "D3", "D4", "D5", "D6", "D7", "D9", "D10", "D11", "D12", "D25", "G3"),
    "D19": ("D17", "D18", "D20", "D21", "D26", "D28"),
    "D13": ("D14", "D15", "D16", "D27"),
    "D22": ("D23",),
}  # fmt: skip
