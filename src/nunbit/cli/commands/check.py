"""`nunbit check`: faults of the data, before anything is trained on them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.invocation import invocation_of
from nunbit.cli.options import Data, Debug, Quiet, Set
from nunbit.cli.outputs import check_new_file
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError
from nunbit.files import write_new_file

if TYPE_CHECKING:
    from rich.console import Console

    from nunbit.checks.diagnosis import Diagnosis
    from nunbit.progress import Progress

SEVERITIES = {
    "error": ("errors", "bold red"),
    "warning": ("warnings", "bold yellow"),
    "note": ("notes", "bold cyan"),
}


@reads_data
def check(
    context: typer.Context,
    data: Data,
    *,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE",
            show_default=False,
            help="New HTML file with every finding and its pictures.",
        ),
    ] = None,
    fix_list: Annotated[
        Path | None,
        typer.Option(
            "--fix-list",
            metavar="FILE",
            show_default=False,
            help="New CSV of images to leave out or relabel, for nunbit train --corrections.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what every training checks; pixels are not read.")
    ] = False,
    backbone: Annotated[
        str,
        typer.Option(
            "--backbone",
            metavar="NAME|none|auto",
            help="Pretrained weights that measure which images are alike.",
        ),
    ] = "auto",
    reading: DataOptions = NOTHING_SAID,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print findings, statistics and proposals as JSON on stdout."),
    ] = False,
    assignments: Set = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Report what would spoil a training; change nothing. Exit code 1 when something would."""
    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.config import load_config
    from nunbit.pipelines.check import check_data

    check_new_file(page, option="--page")
    check_new_file(fix_list, option="--fix-list")
    if page is not None and page == fix_list:
        raise UsageError(
            "--page and --fix-list name the same file", path=page, remedy="name two files"
        )
    options = reading.settings()
    config = load_config(data=data, recipe=None, settings=given_settings(options, assignments))
    progress = display_on(stderr_console(), quiet=quiet)
    diagnosis = check_data(config, quick=quick, backbone=backbone, progress=progress)
    if page is not None:
        _write_page(page, diagnosis, invocation_of(context).command, progress)
    if fix_list is not None:
        _write_fix_list(fix_list, diagnosis)
    console = stdout_console()
    if as_json:
        text = json.dumps(diagnosis.to_dict(), indent=2, ensure_ascii=False)
        console.out(text.encode("utf-8", "replace").decode(), highlight=False)
    elif not quiet:
        _print_findings(console, diagnosis)
        words = reading.words()
        words += [word for assignment in assignments or () for word in ("--set", assignment)]
        train = ["nunbit", "train", data, *words]
        _print_summary(console, diagnosis, train=train, page=page, fix_list=fix_list)
    if diagnosis.count("error"):
        raise typer.Exit(1)


def _write_page(path: Path, diagnosis: Diagnosis, command: str, progress: Progress) -> None:
    from nunbit.formatting import timestamp
    from nunbit.reports.check import build_page
    from nunbit.versions import versions

    html = build_page(
        diagnosis,
        command=command,
        finished=timestamp(),
        versions=versions(),
        progress=progress,
    )
    write_new_file(path, html)


def _write_fix_list(path: Path, diagnosis: Diagnosis) -> None:
    from nunbit.data.corrections import corrections_csv

    write_new_file(path, corrections_csv(diagnosis.corrections))


def _print_findings(console: Console, diagnosis: Diagnosis) -> None:
    from rich.text import Text

    from nunbit.cli.terminal import printable

    for severity, (heading, style) in SEVERITIES.items():
        chosen = [finding for finding in diagnosis.findings if finding.severity == severity]
        if not chosen:
            continue
        console.print(Text(f"{len(chosen)} {heading if len(chosen) > 1 else severity}", style))
        for finding in chosen:
            console.print(Text(f"  {printable(finding.title)}", "bold"), soft_wrap=True)
            details = [
                ("why", finding.why),
                ("for example", _listed(finding.examples)),
                ("what to do", finding.remedy),
            ]
            for name, detail in details:
                if detail:
                    console.print(Text(f"    {name}: {printable(detail)}"), soft_wrap=True)
    if not diagnosis.findings:
        console.print("nothing found that would spoil a training")


def _listed(examples: Sequence[str]) -> str:
    return ("; " if any("," in example for example in examples) else ", ").join(examples)


def _print_summary(
    console: Console,
    diagnosis: Diagnosis,
    *,
    train: Sequence[str],
    page: Path | None,
    fix_list: Path | None,
) -> None:
    """`train` is the command of a training that reads the data as the check did."""
    from rich.text import Text

    from nunbit.cli.terminal import printable
    from nunbit.formatting import count

    lines = [
        f"{diagnosis.samples.name}: {len(diagnosis.samples):,} images found, "
        f"{diagnosis.usable:,} usable, {len(diagnosis.samples.classes)} classes"
    ]
    excluded = sum(c.action == "exclude" for c in diagnosis.corrections)
    relabelled = len(diagnosis.corrections) - excluded
    proposed = f"{count(excluded, 'image')} to leave out, {count(relabelled, 'image')} to relabel"
    if fix_list is not None:
        lines.append(
            f"fix list: {fix_list} ({proposed}); delete lines that you disagree with, then"
        )
        lines.append(f"  {shlex.join([*train, '--corrections', str(fix_list)])}")
    elif diagnosis.corrections:
        lines.append(f"proposed: {proposed} (--fix-list FILE writes the list)")
    if page is not None:
        lines.append(f"page: {page}")
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
