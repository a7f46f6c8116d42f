"""Turn the words of a fixture into values."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from mockserver.drafts import Draft, Lookup, Maker, Target, plain
from mockserver.json_types import JSON, Key
from mockserver.loader import where
from mockserver.operation import Field, types_of


def compile_recipe(raw: Any, target: Target) -> Maker:
    """Return what makes the value that a fixture describes."""
    relation = target.resource.relations.get(target.field.name)
    if isinstance(raw, dict) and "object" not in types_of(target.field.schema):
        return _compile_words(raw, target)
    if relation is not None and relation.kind == "many" and raw is not None:
        labels = raw if isinstance(raw, list) else [raw]
        keys: list[JSON] = [_key(label, relation.to, target) for label in labels]
        return lambda draft: keys
    if relation is not None and relation.kind == "one" and raw is not None:
        key = _key(raw, relation.to, target)
        return lambda draft: key
    value = _decimal(plain(raw), target.field)
    return lambda draft: value


def _decimal(value: JSON, field: Field) -> JSON:
    """Return a number as the text of a decimal, as long as the schema's default."""
    schema = field.schema
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if schema.get("format") != "decimal" or not is_number:
        return value
    places = str(schema.get("default", "")).partition(".")[2]
    return f"{Decimal(str(value)):.{len(places)}f}"


def slug(text: str, separator: str = "-") -> str:
    """Return text in lower-case ASCII words."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", separator, ascii_text.lower()).strip(separator)


def faked(spelled: Any, target: Target) -> Maker:
    """Return what asks Faker: `company`, or `{pyint: {max_value: 9}}`."""
    single = isinstance(spelled, dict) and len(spelled) == 1
    name, options = next(iter(spelled.items())) if single else (spelled, {})
    provider = getattr(target.world.fake, name, None) if isinstance(name, str) else None
    if not callable(provider) or not isinstance(options, dict):
        raise target.refuse(f"Faker has no provider {name!r}; see its list of standard providers")
    limit = target.field.schema.get("maxLength")
    own = target.field.name

    def make(draft: Draft) -> JSON:
        try:
            value = plain(getattr(draft.fake(own), name)(**options))
        except (TypeError, ValueError, AttributeError) as error:
            raise target.refuse(f"Faker cannot make {name!r}: {error}") from None
        return value[:limit].rstrip() if isinstance(value, str) and limit else value

    return make


def _compile_words(raw: Mapping[str, Any], target: Target) -> Maker:
    word = _word(raw, target)
    at = replace(target, place=where(raw, word) or target.place)
    try:
        return WORDS[word][0](raw, at)
    except (TypeError, ValueError, KeyError) as error:
        raise at.refuse(f"{word} cannot be read ({error}); see the reference of fixtures") from None


def _word(raw: Mapping[str, Any], target: Target) -> str:
    """Return the word of a recipe that all its other keys may stand beside."""
    found = [word for word in WORDS if word in raw]
    for word in found:
        if raw.keys() - {word} <= WORDS[word][1]:
            return word
    if len(found) == 1:
        options = WORDS[found[0]][1]
        unknown = min(raw.keys() - options - {found[0]})
        allowed = f"it takes {', '.join(sorted(options))}" if options else "it stands alone"
        raise target.refuse(f"{found[0]} does not know {unknown!r}; {allowed}")
    got = f"not {' and '.join(found)} together" if found else f"got {', '.join(raw) or 'none'}"
    raise target.refuse(f"a recipe has one of the words {', '.join(WORDS)}; {got}")


def _key(label: Any, resource: str, target: Target) -> Key:
    lookup = target.world.lookup
    is_name = isinstance(label, str | int) and not isinstance(label, bool)
    key = lookup.key(resource, label) if is_name else None
    if key is None:
        raise target.refuse(
            f"there is no {resource} {label!r}; {_nearest(label, lookup, resource)}"
        )
    return key


def _nearest(label: Any, lookup: Lookup, resource: str) -> str:
    # Only here, since a world without mistakes never needs it.
    from difflib import get_close_matches

    known = lookup.labels(resource)
    close = get_close_matches(str(label), known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(sorted(known)[:12])}" if known else "the scenario has none"


def _constant(raw: Mapping[str, Any], target: Target) -> Maker:
    value = plain(raw["value"])
    return lambda draft: value


def _choice(raw: Mapping[str, Any], target: Target) -> Maker:
    values, name = _values(raw["choice"], target), target.field.name
    return lambda draft: draft.chance(name).choice(values)


def _cycle(raw: Mapping[str, Any], target: Target) -> Maker:
    values = _values(raw["cycle"], target)
    return lambda draft: values[draft.number % len(values)]


def _values(raw: Any, target: Target) -> list[JSON]:
    if not isinstance(raw, list) or not raw:
        raise target.refuse("give a list of values to take from")
    # A label stands for a key, also in a list of them.
    probe = Draft(target.world, "", "", 0, {})
    return [compile_recipe(value, target)(probe) for value in raw]


def _chance(raw: Mapping[str, Any], target: Target) -> Maker:
    share, name = float(raw["chance"]), target.field.name
    return lambda draft: draft.chance(name).random() < share


def _maybe(raw: Mapping[str, Any], target: Target) -> Maker:
    share = float(raw.get("chance", 0.5))
    inner, name = compile_recipe(raw["maybe"], target), f"{target.field.name}?"
    return lambda draft: inner(draft) if draft.chance(name).random() < share else None


def _label(raw: Mapping[str, Any], target: Target) -> Maker:
    before, after = str(raw.get("before", "")), str(raw.get("after", ""))
    return lambda draft: f"{before}{draft.label}{after}"


def _same(raw: Mapping[str, Any], target: Target) -> Maker:
    other = _other(raw["same"], target)
    return lambda draft: draft.get(other)


def _slug(raw: Mapping[str, Any], target: Target) -> Maker:
    named = raw["slug"] if isinstance(raw["slug"], list) else [raw["slug"]]
    others = [_other(name, target) for name in named]
    separator, after = str(raw.get("with", "-")), str(raw.get("after", ""))
    limit = target.field.schema.get("maxLength", 50) - len(after)

    def make(draft: Draft) -> JSON:
        text = slug(" ".join(str(draft.get(name)) for name in others), separator)
        return (text or slug(draft.label, separator))[:limit].rstrip(separator) + after

    return make


def _after(raw: Mapping[str, Any], target: Target) -> Maker:
    other, name = _other(raw["after"], target), target.field.name
    low, high = _range(raw.get("days", [0, 30]))

    def make(draft: Draft) -> JSON:
        start = datetime.fromisoformat(draft.get(other)).replace(tzinfo=UTC)
        moment = start + timedelta(days=draft.chance(name).randint(low, high))
        return stored(max(start, min(moment, draft.world.midnight)), target)

    return make


def _other(name: Any, target: Target) -> str:
    known = target.resource.fields.get(name) if isinstance(name, str) else None
    if known is None or not known.is_stored or name == target.field.name:
        raise target.refuse(f"{name!r} is not another stored field of {target.resource.name}")
    return str(name)


def _pick(raw: Mapping[str, Any], target: Target) -> Maker:
    keys, name = _group(raw["pick"], target), target.field.name
    return _held(lambda draft: draft.chance(name).choice(keys), target)


def _match(raw: Mapping[str, Any], target: Target) -> Maker:
    keys = _group(raw["match"], target)
    return _held(lambda draft: keys[(draft.number - 1) % len(keys)], target)


def _held(maker: Maker, target: Target) -> Maker:
    is_many = target.resource.relations[target.field.name].kind == "many"
    return (lambda draft: [maker(draft)]) if is_many else maker


def _group(raw: Any, target: Target) -> Sequence[Key]:
    relation = target.resource.relations.get(target.field.name)
    if relation is None or not relation.is_stored:
        raise target.refuse("only a relation can name records")
    if isinstance(raw, list):
        return [_key(label, relation.to, target) for label in raw]
    found = target.world.lookup.group(raw)
    if found is None or found[0] != relation.to:
        raise target.refuse(f"{raw!r} is not a group of {relation.to} under `make`")
    return found[1]


def _time(raw: Mapping[str, Any], target: Target) -> Maker:
    name, midnight = target.field.name, target.world.midnight
    part, hour = raw.get("part"), raw.get("at")
    if part not in (None, "year", "month"):
        raise target.refuse("part is year or month")
    fixed = None if any(isinstance(value, list) for value in raw.values()) else Random(0)
    clock = timedelta(hours=int(hour[:2]), minutes=int(hour[3:])) if hour else timedelta()

    def moment(chance: Random) -> datetime:
        drawn = timedelta() if fixed or hour else timedelta(seconds=chance.randrange(86_400))
        return _day(raw, midnight, chance) + clock + drawn

    if fixed:
        constant = stored(moment(fixed), target, part)
        return lambda draft: constant
    return lambda draft: stored(moment(draft.chance(name)), target, part)


def _day(raw: Mapping[str, Any], midnight: datetime, chance: Random) -> datetime:
    """Return the midnight that words like days_ago and months_ahead name."""
    if "days_ago" in raw:
        return midnight - timedelta(days=chance.randint(*_range(raw["days_ago"])))
    if "days_ahead" in raw:
        return midnight + timedelta(days=chance.randint(*_range(raw["days_ahead"])))
    if raw.get("this_month"):
        return midnight.replace(day=int(raw.get("day", 1)))
    back = "months_ago" in raw
    count = chance.randint(*_range(raw["months_ago" if back else "months_ahead"]))
    months = midnight.year * 12 + midnight.month - 1 + (-count if back else count)
    year, month = divmod(months, 12)
    day = min(int(raw.get("day", midnight.day)), monthrange(year, month + 1)[1])
    return midnight.replace(year=year, month=month + 1, day=day)


def _range(raw: Any) -> tuple[int, int]:
    low, high = raw if isinstance(raw, list) else [raw, raw]
    return int(low), int(high)


def stored(moment: datetime, target: Target, part: str | None = None) -> JSON:
    """Return an instant in the form that the field stores."""
    if part:
        return moment.year if part == "year" else moment.month
    is_date = target.field.schema.get("format") == "date"
    return moment.date().isoformat() if is_date else plain(moment)


_TIME: Final = frozenset({"day", "at", "part"})
#: Every word of a recipe, with the words that may stand beside it.
WORDS: Final[Mapping[str, tuple[Callable[[Mapping[str, Any], Target], Maker], frozenset[str]]]] = {
    "value": (_constant, frozenset()),
    "faker": (lambda raw, target: faked(raw["faker"], target), frozenset()),
    "choice": (_choice, frozenset()),
    "cycle": (_cycle, frozenset()),
    "maybe": (_maybe, frozenset({"chance"})),
    "chance": (_chance, frozenset()),
    "label": (_label, frozenset({"before", "after"})),
    "same": (_same, frozenset()),
    "slug": (_slug, frozenset({"with", "after"})),
    "after": (_after, frozenset({"days"})),
    "pick": (_pick, frozenset()),
    "match": (_match, frozenset()),
    "days_ago": (_time, _TIME - {"day"}),
    "days_ahead": (_time, _TIME - {"day"}),
    "months_ago": (_time, _TIME),
    "months_ahead": (_time, _TIME),
    "this_month": (_time, _TIME),
}
