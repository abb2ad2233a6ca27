"""`nunbit check`: what is wrong with the data, before anything is trained on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.options import Data, Debug, GroupFrom, LabelFrom, LabelMap, Quiet, Set
from nunbit.cli.settings import data_settings, given_settings

if TYPE_CHECKING:
    from rich.console import Console

    from nunbit.data.check import Finding

SEVERITIES = {
    "error": ("errors", "bold red"),
    "warning": ("warnings", "bold yellow"),
    "note": ("notes", "bold cyan"),
}


def check(
    data: Data,
    *,
    label_from: LabelFrom = None,
    label_map: LabelMap = None,
    group_from: GroupFrom = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON on stdout.")
    ] = False,
    assignments: Set = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Report what would spoil a training; change nothing. Exit code 1 when something would."""
    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.config import load_config
    from nunbit.device import resolve_device
    from nunbit.run.dividing import findings_with_split
    from nunbit.run.prepare import decode, find

    options = data_settings(label_from=label_from, label_map=label_map, group_from=group_from)
    config = load_config(data=data, recipe=None, settings=given_settings(options, assignments))
    progress = display_on(stderr_console(), quiet=quiet)
    prepared = decode(
        find(config, progress),
        config,
        device_type=resolve_device(config.device).type,
        progress=progress,
    )
    findings = findings_with_split(prepared, config)
    counts = {
        "found": len(prepared.samples),
        "usable": sum(not reason for reason in prepared.reasons),
        "classes": len(prepared.samples.classes),
    }
    name = prepared.samples.name
    console = stdout_console()
    if as_json:
        report = {"data": name, **counts, "findings": [asdict(item) for item in findings]}
        console.out(json.dumps(report, indent=2, ensure_ascii=False), highlight=False)
    elif not quiet:
        _print_findings(console, findings)
        summary = "{found:,} images found, {usable:,} usable, {classes} classes"
        console.print(f"{name}: {summary.format(**counts)}", soft_wrap=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    from rich.text import Text

    from nunbit.cli.terminal import printable

    for severity, (heading, style) in SEVERITIES.items():
        chosen = [finding for finding in findings if finding.severity == severity]
        if not chosen:
            continue
        console.print(Text(f"{len(chosen)} {heading if len(chosen) > 1 else severity}", style))
        for finding in chosen:
            console.print(Text(f"  {printable(finding.title)}", "bold"), soft_wrap=True)
            details = [
                ("why", finding.why),
                ("for example", ", ".join(finding.examples)),
                ("what to do", finding.remedy),
            ]
            for name, detail in details:
                if detail:
                    console.print(Text(f"    {name}: {printable(detail)}"), soft_wrap=True)
    if not findings:
        console.print("nothing found that would spoil a training")
