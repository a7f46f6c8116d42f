"""Put lines on a console: never markup, never wider or longer than they may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from contract_tests.reports.text import one_line

INDENT: Final = "    "
#: Characters of the left column.
KEY: Final = 10

#: For terminals and logs that cannot show our own signs.
_PLAIN: Final = str.maketrans(
    {"✓": "+", "✗": "x", "‖": "!", "–": "-", "…": "...", "·": "-", "→": "->"}  # noqa: RUF001  # they are signs
)


def say(console: Console, *lines: Text, soft_wrap: bool = False) -> None:
    """Print lines; with `soft_wrap` they stay in one piece, to be copied."""
    for line in lines:
        fit = line.copy()
        fit.plain = fitting(line.plain, console)
        console.print(fit, soft_wrap=soft_wrap, highlight=False)


def text(content: str, console: Console, style: str = "") -> Text:
    """Return text that the console can show."""
    return Text(fitting(content, console), style)


def fitting(content: str, console: Console) -> str:
    """Replace what the encoding of the console has no sign for."""
    try:
        content.encode(console.encoding)
    except UnicodeEncodeError:
        plain = content.translate(_PLAIN)
        return plain.encode(console.encoding, "backslashreplace").decode(console.encoding)
    return content


def folded(console: Console, content: Text, width: int, most: int) -> list[Text]:
    """Wrap text into at most `most` lines, an ellipsis where some are left out."""
    if most == 1:
        content.truncate(width, overflow="ellipsis")
        return [content]
    lines = list(content[: width * most + 1].wrap(console, width, overflow="fold"))
    if len(lines) > most:
        lines[most - 1].truncate(width - 1)
        lines[most - 1].append("…")
    return lines[:most] or [Text("")]


def pairs(console: Console, key: str, values: Sequence[str], most: int) -> None:
    """Print values beside a key, each in at most `most` lines."""
    width = max(20, console.width - len(INDENT) - KEY)
    for number, value in enumerate(values):
        content = Text(one_line(value))
        lines = folded(console, content, width, most)
        for part, line in enumerate(lines):
            start = "" if number or part else key
            say(console, Text.assemble((f"{INDENT}{start:<{KEY}}", "dim"), line))


def listing(console: Console, title: str, lines: Iterable[str], most: int) -> None:
    """Print a titled list, a line each; nothing for an empty one."""
    listed = list(lines)
    if not listed:
        return
    say(console, Text(""), Text(f"{title} ({len(listed)})", "bold"))
    width = max(20, console.width - len(INDENT))
    for line in listed[:most]:
        say(console, Text(INDENT) + folded(console, Text(one_line(line)), width, 1)[0])
    if len(listed) > most:
        say(console, Text(f"{INDENT}… and {len(listed) - most} more in the reports", "dim"))
