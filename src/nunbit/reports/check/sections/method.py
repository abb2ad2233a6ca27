"""Section on the method: input contract, steps, times and versions."""

from __future__ import annotations

from collections.abc import Mapping

from nunbit.checks.diagnosis import Diagnosis
from nunbit.formatting import duration
from nunbit.reports.kit import Section, render
from nunbit.reports.kit.contract import contract_rows


def contract(diagnosis: Diagnosis) -> Section:
    """Description of how a file becomes the network's input."""
    rows = contract_rows(diagnosis.preprocess.to_dict())
    return Section(name="contract", title="Input", body=render("check/contract", rows=rows))


def method(diagnosis: Diagnosis, *, command: str, versions: Mapping[str, str]) -> Section:
    """Command, remarks, times and versions."""
    times = [(stage, duration(seconds)) for stage, seconds in diagnosis.seconds.items()]
    times.append(("total", duration(sum(diagnosis.seconds.values()))))
    body = render(
        "check/method",
        command=command,
        remarks=diagnosis.remarks,
        location=diagnosis.samples.location,
        times=times,
        versions=list(versions.items()),
    )
    return Section(name="method", title="How it was done", body=body)
