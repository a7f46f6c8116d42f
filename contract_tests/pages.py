"""Write the reference of the properties, for the documentation."""

from __future__ import annotations

from contract_tests.catalogue import CATALOGUE, RESTS_ON

_HEAD = """# Properties

This page is written by `python -m contract_tests.pages`; do not edit it.

A property is a promise that the description makes for every operation it applies to.
`contract-tests explain D2` says the same on the terminal; `rests on` names the properties without which a failure is no news.
The code of the [Web Fuzzing Commons](https://github.com/WebFuzzing/Commons) is given where there is one.
"""


def properties() -> str:
    """Return the page."""
    lines = [_HEAD]
    section = ""
    for rule in CATALOGUE.values():
        if rule.section != section:
            section = rule.section
            lines += [f"## {section}\n", "| id | name | promise | severity | WFC | rests on |"]
            lines.append("|---|---|---|---|--:|---|")
        rests = ", ".join(RESTS_ON.get(rule.id, ()))
        code = rule.wfc or ""
        row = f"| {rule.id} | {rule.name} | {rule.claim} | {rule.severity} | {code} | {rests} |"
        lines.append(row)
        following = list(CATALOGUE.values())
        index = following.index(rule) + 1
        if index == len(following) or following[index].section != section:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(properties())
