"""`nunbit export --to torch` and `--to hub`: folders for readers that have torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nunbit.bundle import save_bundle
from nunbit.errors import ExportError, UnusableImage
from nunbit.export.hub import READER_ENGINE, TimmReader, check_known_to_timm, what_readers_leave_out
from nunbit.export.parity import Canvas, Engine, Gate, Parity, RawFile, check_parity
from nunbit.export.torch_program import torch_program
from nunbit.files import folder_written_atomically
from nunbit.pipelines.exporting.raw_files import conformance_files, validation_files
from nunbit.pipelines.exporting.reference import exported_bundle, new_folder, nunbit_engine
from nunbit.pipelines.exporting.texts import hub_section, torch_card, write_json
from nunbit.progress import SILENT, Progress
from nunbit.versions import versions

PROGRAM, CARD, PARITY = "model.pt2", "README.md", "parity.json"


@dataclass(frozen=True, kw_only=True)
class OtherExport:
    """An export, and what is to be known of it."""

    folder: Path
    parity: tuple[Parity, ...]
    remarks: tuple[str, ...] = ()


def export_torch(run: Path, *, out: Path | None = None, progress: Progress = SILENT) -> OtherExport:
    """Export the model of a run as a program of torch, checked to the bit after loading.

    Raises:
        BundleError: when there is no model, or it is damaged.
        ExportError: when torch cannot express the network, or the program answers otherwise.
        UsageError: when something is already at `out`.
    """
    bundle = exported_bundle(run)
    out = new_folder(run, out, "torch")
    progress.note(f"writing {bundle.architecture} as a program of torch")
    data = torch_program(bundle)
    contract = {
        "kind": "nunbit-torch",
        "format": 1,
        "architecture": bundle.architecture,
        "classes": list(bundle.classes),
        "preprocess": bundle.preprocess.to_dict(),
        "mirrored": bundle.mirrored,
        "temperature": bundle.temperature,
        "thresholds": dict(bundle.thresholds),
        "versions": versions(),
        "files": {PROGRAM: hashlib.sha256(data).hexdigest()},
    }
    with _written(out) as unfinished:
        (unfinished / PROGRAM).write_bytes(data)
        write_json(unfinished / "nunbit.json", contract)
        (unfinished / CARD).write_text(torch_card(bundle), encoding="utf-8")
    remark = "model.pt2 holds a pickle (two random example images): open it only if you trust it"
    return OtherExport(folder=out, parity=(), remarks=(remark,))


def export_hub(run: Path, *, out: Path | None = None, progress: Progress = SILENT) -> OtherExport:
    """Export the model of a run as a folder that timm and transformers load.

    Their network must answer as nunbit's does on the same pixels; how far their own pixels are from
    nunbit's is measured on the run's validation images, and said in the card.

    Raises:
        BundleError: when there is no model, or it is damaged.
        ExportError: when the network is not one of timm's, or answers otherwise there.
        UsageError: when something is already at `out`.
    """
    bundle = exported_bundle(run)
    check_known_to_timm(bundle)
    out = new_folder(run, out, "hub")
    files = validation_files(run, progress) or conformance_files()
    remarks = what_readers_leave_out(bundle)
    # Both readers give the network's plain answer: no mirror pass, no temperature.
    plain = nunbit_engine(replace(bundle, mirrored=False, temperature=1.0))
    with _written(out) as unfinished:
        folder = unfinished / "model"
        save_bundle(folder, bundle)
        reader = TimmReader.open(folder, bundle)
        results = Gate(plain, reader.engines()).run(
            progress.track(files, total=len(files), title="comparing answers")
        )
        exact, own = results
        check_parity([exact])
        levels = _mean_levels(plain, reader.canvas, files)
        for item in folder.iterdir():
            item.rename(unfinished / item.name)
        folder.rmdir()
        write_json(
            unfinished / PARITY,
            {"engines": [result.to_dict() for result in results], "mean_levels": levels},
        )
        section = hub_section(results, levels=levels, remarks=remarks)
        card = f"{_FRONT}\n{bundle.card.rstrip()}\n\n{section}"
        (unfinished / CARD).write_text(card, encoding="utf-8")
    answered = own.files - own.unusable
    said = (
        f"{READER_ENGINE}: they differ by {levels:.1f} levels of 255 on average; "
        f"{own.labels_equal:,} of {answered:,} answers are the same"
    )
    return OtherExport(folder=out, parity=results, remarks=(said, *remarks))


_FRONT = "---\nlibrary_name: timm\npipeline_tag: image-classification\n---\n"


@contextmanager
def _written(out: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all.

    Raises:
        ExportError: when the disk does not take it.
    """
    try:
        with folder_written_atomically(out) as unfinished:
            yield unfinished
    except OSError as error:
        raise ExportError(
            f"the export cannot be written: {error.strerror or error}",
            path=out,
            remedy="free some space or choose another place with --out; nothing was left behind",
        ) from error


def _mean_levels(
    reference: Engine, canvas: Callable[[bytes], Canvas], files: Sequence[RawFile]
) -> float:
    """Mean difference of two ways' pixels, in grey levels of 255, over files that both read."""
    differences = []
    for file in files:
        try:
            ours, theirs = reference.canvas(file.data), canvas(file.data)
        except UnusableImage:
            continue
        differences.append(float(np.abs(ours.astype(np.int16) - theirs).mean()))
    return round(float(np.mean(differences)), 3) if differences else 0.0
