"""The command line: run, plan, explain, replay, export, cleanup, mutate."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from contract_tests import baseline, cleanup, ledger, reports, runner
from contract_tests import script as scripts
from contract_tests.baseline import BadBaseline
from contract_tests.catalogue import CATALOGUE, RESTS_ON
from contract_tests.config import LAYERS, PROFILES, Config
from contract_tests.inprocess import Model
from contract_tests.recorder import Recorder
from contract_tests.reports import terminal
from contract_tests.result import Exit, Finding, Result
from contract_tests.transport import Trouble
from mockserver.errors import AuthorError, BrokenSpec

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"})  # noqa: S104  compared with, never bound


def _options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    def decorate(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

_spec_options = _options(
    click.option("--spec", type=_FILE, help="Root of the description; the shipped one."),
    click.option(
        "--overlay", "overlays", type=_FILE, multiple=True, help="OpenAPI Overlay to apply."
    ),
)
_target_options = _options(
    click.option("-u", "--url", required=True, help="Where the API is, like http://127.0.0.1:4010"),
    click.option("--token-env", metavar="VAR", help="Variable with the token that may do all."),
    click.option(
        "--persona", "personas", metavar="NAME=VAR", multiple=True,
        help="Another caller and the variable with his token; `stranger` may do nothing.",
    ),
    click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait at most."),
    click.option("--slow", default=5.0, show_default=True, help="Seconds that are too long."),
    click.option("--ca", type=_FILE, help="Certificate authority to trust, as PEM."),
    click.option("--rate", default=0.0, help="Requests a second at most; 0: as fast as it goes."),
    click.option("-y", "--yes", is_flag=True, help="Test a host that is not this machine."),
)  # fmt: skip
_choice_options = _options(
    click.option("--profile", type=click.Choice(list(PROFILES)), default="ci", show_default=True),
    click.option(
        "--mode", type=click.Choice(["read-only", "own", "destructive"]), default="own",
        show_default=True, help="own: writes only what it made itself and takes it away again.",
    ),
    click.option("--seed", default=1, show_default=True),
    click.option("--include", multiple=True, metavar="OPERATION", help="Only these operations."),
    click.option("--exclude", multiple=True, metavar="OPERATION"),
    click.option("--tag", "tags", multiple=True, help="Only operations with one of these tags."),
    click.option("--exclude-tag", "exclude_tags", multiple=True),
    click.option(
        "-p", "--property", "properties", multiple=True, metavar="ID",
        help="Only these properties, like D2, or sections, like D.",
    ),
    click.option("--exclude-property", "without", multiple=True, metavar="ID"),
    click.option("--layer", "layers", multiple=True, type=click.Choice(LAYERS)),
    click.option("--pack", help="Functions of the mock that scripts are also run against."),
)  # fmt: skip


class _Group(click.Group):
    """A group that imports the exam only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), "mutate"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name == "mutate":
            from contract_tests.mutation.commands import mutate

            return mutate
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, context_settings={"auto_envvar_prefix": "CONTRACT_TESTS"})
@click.version_option(package_name="waldur-mockserver")
def main() -> None:
    """Test an implementation of an API against its description, meaning included."""


@main.command("run")
@_spec_options
@_target_options
@_choice_options
@click.option("--max-requests", default=0, help="Stop after so many; 0: no limit.")
@click.option("--max-time", "max_seconds", default=0.0, help="Stop after so many seconds.")
@click.option("--max-findings", default=0, help="Stop after so many; 0: find everything.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first finding.")
@click.option(
    "--baseline", "baseline_path", type=click.Path(path_type=Path), help="Known findings."
)
@click.option("--baseline-update", is_flag=True, help="Write what is found to --baseline.")
@click.option("--strict-flaky", is_flag=True, help="What fails only sometimes fails the run.")
@click.option("--private", is_flag=True, help="Nobody else uses the server: fuzz all of it.")
@click.option("--no-mock", is_flag=True, help="Do not hold findings against the mock server.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Where created records are noted.")
@click.option("--report", "formats", default="", help="junit,json,html,har,sarif,md")
@click.option(
    "--report-dir", type=click.Path(path_type=Path, file_okay=False), default="contract-report",
    show_default=True,
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Only the summary.")
def run_(**said: Any) -> None:
    """Test a server; see the exit code in the summary."""
    formats = _formats(said["formats"])
    config = _config(said)
    _refuse_far(said)
    signal.signal(signal.SIGTERM, _interrupt)
    with Recorder(keeps="har" in formats) as recorder:
        result = _or_exit(lambda: _run(config, recorder, is_quiet=said["quiet"]))
        if said["baseline_path"] and said["baseline_update"]:
            known = config.baseline and baseline.read(config.baseline)
            baseline.write(said["baseline_path"], result.findings, known or [])
        written = _write(result, formats, said["report_dir"], recorder)
    terminal.summary(result, Console(), CATALOGUE, str(said["report_dir"]))
    for name, path in written.items():
        click.echo(f"{name}: {path}", err=True)
    if result.leftovers and config.ledger:
        click.echo(f"try again: contract-tests cleanup --ledger {config.ledger} …", err=True)
    sys.exit(int(result.exit))


def _formats(text: str) -> list[str]:
    asked = [name for name in text.replace(" ", "").split(",") if name]
    named = ["markdown" if name == "md" else name for name in asked]
    unknown = sorted(set(named) - set(reports.FORMATS))
    if unknown:
        raise click.UsageError(f"--report {unknown[0]}: choose of {', '.join(reports.FORMATS)}")
    return named


def _run(config: Config, recorder: Recorder, *, is_quiet: bool) -> Result:
    if is_quiet:
        return runner.run(config, on_exchange=recorder.see)
    with terminal.Display(Console(stderr=True)) as display:
        return runner.run(config, display, recorder.see)


def _write(result: Result, formats: list[str], folder: Path, recorder: Recorder) -> dict[str, Path]:
    asked = formats if not result.findings or "json" in formats else [*formats, "json"]
    if not asked:
        return {}
    try:
        return reports.write(result, asked, folder, recorder.exchanges(), CATALOGUE)
    except OSError as error:
        click.echo(f"cannot write to {folder} ({error.strerror}); choose --report-dir", err=True)
        return {}


@main.command("plan")
@_spec_options
@_choice_options
@click.option("--json", "as_json", is_flag=True)
def plan_(**said: Any) -> None:
    """Say what a run would do: properties, operations, requests; and what it could not."""
    as_json = said.pop("as_json")
    config = _config({**said, "url": "http://localhost"})
    steps = _or_exit(lambda: runner.plan(config))
    if as_json:
        rows = [
            {"probe": p.name, "properties": p.proves, "operation": o.id, "requests": n}
            for p, o, n in steps
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table("operation", "requests", "properties", box=None, pad_edge=False)
    for operation in dict.fromkeys(o.id for _, o, _ in steps):
        mine = [(p, n) for p, o, n in steps if o.id == operation]
        props = dict.fromkeys(prop for p, _ in mine for prop in p.proves)
        table.add_row(operation, str(sum(n for _, n in mine)), " ".join(props))
    console.print(table)
    console.print(
        f"{len({o.id for _, o, _ in steps})} operations, about {sum(n for *_, n in steps)} requests"
    )
    for line in _or_exit(lambda: runner.unspecified(config)):
        console.print(f"not testable: {line}", markup=False)


@main.command("explain")
@click.argument("name")
@click.option(
    "--report-dir", type=click.Path(path_type=Path), default="contract-report", show_default=True
)
def explain(name: str, report_dir: Path) -> None:
    """Explain a property (D2) or a finding of the last report (D2-3f9c1a)."""
    rule = CATALOGUE.get(name.partition("-")[0].upper())
    path = report_dir / "report.json"
    if "-" in name and path.is_file():
        found = [f for f in reports.read(path).findings if f.id == name]
        if found:
            _tell(found[0])
            return
    if "-" in name or rule is None:
        known = ", ".join(CATALOGUE)
        raise click.UsageError(f"{name} is neither a finding in {path} nor one of {known}")
    click.echo(f"{rule.id} {rule.name} ({rule.section}, {rule.severity})\n{rule.claim}")
    if rule.wfc:
        click.echo(f"Web Fuzzing Commons fault code: {rule.wfc}")
    if rests := RESTS_ON.get(rule.id):
        click.echo(f"rests upon: {', '.join(rests)}")
    from contract_tests import probes
    from contract_tests.probes.registry import PROBES

    probes.load()
    for probe in PROBES:
        if rule.id in probe.proves:
            told = (probe.run.__doc__ or "").strip().splitlines()
            click.echo(f"probe {probe.name}: {told[0] if told else ''}")


def _tell(finding: Finding) -> None:
    rule = CATALOGUE.get(finding.property)
    rows = [
        (finding.id, f"{finding.target} ({finding.severity}, confirmed {finding.confirmed})"),
        ("promise", rule.claim if rule else finding.property),
        ("claim", finding.claim),
        ("expected", finding.expected),
        ("actual", finding.actual),
        ("spec", finding.place),
        ("the mock", finding.mock),
    ]
    for label, text in rows:
        click.echo(f"{label:10} {text}")
    if finding.script:
        click.echo("steps")
        for line in scripts.written(dict(finding.script)).splitlines():
            click.echo(f"  {line}")
    for line in finding.masks:
        click.echo(f"explains   {line}")


@main.command("replay")
@click.argument("file", type=_FILE)
@_spec_options
@_target_options
@click.option("--against-mock", is_flag=True, help="Run it against the mock instead.")
@click.option("--pack", help="Functions of the mock.")
def replay(file: Path, **said: Any) -> None:
    """Run the script of a finding: exit 0 it holds now, 1 it still fails, 2 it cannot be run."""
    try:
        script = json.loads(file.read_text(encoding="utf-8"))
        script["steps"], script["claim"]
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(f"{file} is no script; take one of <report>/findings/") from None
    _refuse_far(said)
    config = _config({**said, "profile": "ci"})
    lab = _or_exit(lambda: runner.lab_of(config))
    if said["against_mock"]:
        model = Model(config.spec, config.overlays, config.pack)
        outcome = model.judge(lab, script)
        click.echo(f"against the mock: {outcome}")
        sys.exit({"passes": 0, "fails": 1, "not run": 2}[outcome])
    try:
        played = scripts.play(lab, script, tag=lab.tag)
    except (scripts.CannotRun, Trouble, AssertionError) as error:
        click.echo(f"cannot run: {error}", err=True)
        sys.exit(2)
    finally:
        cleanup.clean(lab)
    click.echo(scripts.written(script))
    if played.difference is None:
        click.echo(f"holds: {script['says']}")
        sys.exit(0)
    click.echo(f"fails: {script['says']}")
    click.echo(f"  expected {played.difference.expected}\n  actual   {played.difference.actual}")
    sys.exit(1)


@main.command("export")
@click.argument("file", type=_FILE)
@click.option("--format", "form", type=click.Choice(["pytest", "curl", "http"]), default="pytest")
@click.option("--url", default="http://127.0.0.1:4010", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path, form: str, url: str, output: Path | None) -> None:
    """Write the script of a finding as a test that needs nothing of ours."""
    from contract_tests import exporting

    try:
        text = exporting.export(json.loads(file.read_text(encoding="utf-8")), form, url)
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{file}: {error}; scripts are in <report>/findings/") from None
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@main.command("cleanup")
@_spec_options
@_target_options
@click.option("--ledger", "path", type=_FILE, required=True, help="The file of the run that died.")
def cleanup_(path: Path, **said: Any) -> None:
    """Take away what a killed run left behind."""
    head, owned, intents = ledger.read(path)
    _refuse_far(said)
    lab = _or_exit(lambda: runner.lab_of(_config({**said, "profile": "ci"})))
    try:
        left = cleanup.clean_file(lab, path)
    except Trouble as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.UNTESTABLE)
    click.echo(f"run {head.get('run', '?')}: {len(owned)} records, {len(left)} left")
    if left:
        click.echo("left: " + ", ".join(left), err=True)
        sys.exit(Exit.LEFTOVERS)
    path.unlink(missing_ok=True)
    if intents:
        click.echo("a create that was never answered was looked for by the tag of the run")


def _config(said: dict[str, Any]) -> Config:
    names = (
        "url", "spec", "overlays", "profile", "mode", "seed", "include", "exclude", "tags",
        "exclude_tags", "properties", "without", "layers", "rate", "max_requests", "max_seconds",
        "max_findings", "timeout", "slow", "strict_flaky", "private", "pack",
    )  # fmt: skip
    chosen = {name: said[name] for name in names if said.get(name) is not None}
    for name in ("properties", "without"):
        unknown = [each for each in chosen.get(name, ()) if not _is_property(each)]
        if unknown:
            raise click.UsageError(f"there is no property {unknown[0]}; see `contract-tests plan`")
    if said.get("fail_fast"):
        chosen["max_findings"] = 1
    path = said.get("baseline_path")
    if path and not path.exists() and not said.get("baseline_update"):
        raise click.UsageError(f"--baseline {path} does not exist; write it with --baseline-update")
    config = Config(
        **chosen,
        tokens=_tokens(said),
        ca=str(said["ca"]) if said.get("ca") else None,
        baseline=path if path and path.exists() else None,
        ledger=said.get("ledger") or _ledger_path(said),
        against_mock=not said.get("no_mock"),
    )
    _check_names(config)
    return config


def _is_property(name: str) -> bool:
    return name in CATALOGUE or any(name == each[0] for each in CATALOGUE)


def _check_names(config: Config) -> None:
    if not (config.include or config.exclude or config.tags or config.exclude_tags):
        return
    from contract_tests.subject import read

    spec = _or_exit(lambda: read(config.spec, config.overlays)).spec
    known = {operation.id for operation in spec.operations}
    tags = {tag for operation in spec.operations for tag in operation.tags}
    for name in (*config.include, *config.exclude):
        if name not in known:
            raise click.UsageError(f"there is no operation {name}; {_near(name, known)}")
    for name in (*config.tags, *config.exclude_tags):
        if name not in tags:
            raise click.UsageError(f"there is no tag {name}; {_near(name, tags)}")


def _near(name: str, known: set[str]) -> str:
    import difflib

    found = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
    return f"did you mean {' or '.join(found)}?" if found else "see `contract-tests plan`"


def _tokens(said: dict[str, Any]) -> dict[str, str]:
    found = {}
    if variable := said.get("token_env"):
        found["main"] = _variable("--token-env", variable)
    for text in said.get("personas") or ():
        name, _, variable = text.partition("=")
        if not name or not variable or name in ("main", "nobody", "invalid"):
            raise click.UsageError(f"--persona {text}: write NAME=VAR, with a name of your own")
        found[name] = _variable("--persona", variable)
    return found


def _variable(option: str, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise click.UsageError(f"{option}: the variable {name} is not set, or empty")
    return value


def _ledger_path(said: dict[str, Any]) -> Path | None:
    if said.get("mode") == "read-only" or "formats" not in said:
        return None
    folder = Path(tempfile.gettempdir()) / "contract-tests"
    return folder / f"ledger-{os.getpid()}.jsonl"


def _refuse_far(said: dict[str, Any]) -> None:
    host = urlsplit(said["url"]).hostname or ""
    if urlsplit(said["url"]).scheme not in ("http", "https") or not host:
        raise click.UsageError(f"--url {said['url']}: write it like http://127.0.0.1:4010")
    if host not in _LOCAL and not host.endswith(".localhost") and not said.get("yes"):
        raise click.UsageError(
            f"{host} is not this machine: say --yes if you may test it "
            "(and think of --mode read-only and --rate)"
        )


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _or_exit(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (BrokenSpec, AuthorError, BadBaseline, ValueError) as error:
        for line in str(error).splitlines():
            click.echo(line, err=True)
        sys.exit(Exit.USAGE)
