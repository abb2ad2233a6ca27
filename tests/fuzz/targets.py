"""Every file that nunbit reads: how a whole one is made, and how nunbit reads it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nunbit.bundle import load_bundle
from nunbit.bundle.digest import with_digest
from nunbit.config import Config, read_config
from nunbit.data.array_cache import ArrayCache, with_checksum
from nunbit.data.augment import load_augmentation
from nunbit.data.corrections import Correction, apply_corrections, corrections_csv, read_corrections
from nunbit.data.inspect import inspect
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.sources import load_samples
from nunbit.data.split import Fractions, apply_manifest, make_split, read_manifest, write_manifest
from nunbit.pipelines.evaluation.write_result import recorded_advice
from nunbit.pipelines.recorded_run import read_run
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import SILENT
from nunbit.runtime.exported import read_export
from nunbit.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from tests.fixtures_data import (
    CIFAR10_NAMES,
    random_images,
    write_cifar10_python,
    write_cifar_binary,
    write_idx,
    write_images,
)
from tests.pipelines import finished_runs
from tests.training.parts import make_state

Reseal = Callable[[bytes], bytes]
"""Makes a changed file agree with its own digest again, so that it is read further."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One file, and what reads it."""

    name: str
    make: Callable[[Path], Path]
    """Writes whole files into a new folder; returns the one to damage."""
    read: Callable[[Path], object]
    """Reads the damaged file, given the path that `make` returned."""
    is_json: bool = False
    """Also damaged value by value."""
    reseal: Reseal | None = None


def _recipe(folder: Path) -> Path:
    file = folder / "config.toml"
    file.write_text(Config().with_settings({"data.path": "x", "training.epochs": 3}).to_toml())
    return file


def _augmentation(folder: Path) -> Path:
    file = folder / "changes.toml"
    file.write_text(
        'assumption = "none"\n[[operations]]\nname = "horizontal-flip"\nprobability = 0.5\n'
        '[[operations]]\nname = "one-of"\n[[operations.operations]]\nname = "blur"\n'
        '[[operations.operations]]\nname = "gaussian-noise"\n[[operations]]\nname = "cut-mix"\n'
    )
    return file


def _photos(folder: Path) -> Path:
    return write_images(folder / "photos", {"cat": 4, "dog": 4})


def _manifest(folder: Path) -> Path:
    samples = load_samples(_photos(folder))
    digests = inspect(samples, workers=0, progress=SILENT).sha256
    split = make_split(
        samples, sha256=digests, reasons=samples.reasons, fractions=Fractions(), seed=0
    )
    write_manifest(folder / "split.csv", split)
    return folder / "split.csv"


def _read_manifest(file: Path) -> object:
    samples = load_samples(file.parent / "photos")
    return apply_manifest(
        samples,
        read_manifest(file),
        sha256=("",) * len(samples),
        reasons=samples.reasons,
        manifest_path=file,
    )


def _corrections(folder: Path) -> Path:
    _photos(folder)
    file = folder / "fix.csv"
    lines = [
        Correction(path="cat/000.png", action="exclude", label="cat", reason="=no, cat"),
        Correction(path="cat/001.png", action="relabel", label="cat", new_label="dog", reason=""),
    ]
    file.write_bytes(corrections_csv(lines))
    return file


def _read_corrections(file: Path) -> object:
    samples = load_samples(file.parent / "photos")
    return apply_corrections(samples, read_corrections(file), path=file)


def _label_map(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        _photos(folder)
        (folder / name).write_text(content)
        return folder / name

    return make


def _table(folder: Path) -> Path:
    write_images(folder / "photos", {"cat": 4, "dog": 4})
    names = [f"photos/{label}/{i:03d}.png,{label},a{i}" for label in ("cat", "dog") for i in (0, 1)]
    (folder / "table.csv").write_text("path,label,group\n" + "\n".join(names) + "\n")
    return folder / "table.csv"


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members(folder):
            archive.writestr(name, content)
    return folder / "photos.zip"


def _tar(folder: Path) -> Path:
    with tarfile.open(folder / "photos.tar.gz", "w:gz") as archive:
        for name, content in _members(folder):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / "photos.tar.gz"


def _members(folder: Path) -> list[tuple[str, bytes]]:
    write_images(folder / "photos", {"cat": 3, "dog": 3})
    files = sorted((folder / "photos").rglob("*.png"))
    return [(str(file.relative_to(folder)), file.read_bytes()) for file in files]


def _read_archive(file: Path) -> object:
    samples = load_samples(file)
    return [samples.images.facts(row) for row in range(len(samples))]


def _coco(folder: Path) -> Path:
    write_images(folder / "photos", {"cat": 2, "dog": 2})
    names = [f"photos/{label}/00{i}.png" for label in ("cat", "dog") for i in (0, 1)]
    content = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "annotations": [{"image_id": i, "category_id": i // 2, "bbox": [1, 2]} for i in range(4)],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    return folder / "coco.json"


def _label_studio(folder: Path) -> Path:
    write_images(folder / "photos", {"cat": 4})
    content = [
        {
            "id": i,
            "data": {"image": f"/data/local-files/?d=photos/cat/00{i}.png"},
            "annotations": [
                {"result": [{"value": {"choices": ["ab"[i % 2]]}, "to_name": "image"}]},
            ],
        }
        for i in range(4)
    ]
    (folder / "tasks.json").write_text(json.dumps(content))
    return folder / "tasks.json"


def _npz(folder: Path) -> Path:
    images, labels = random_images(6)
    np.savez(folder / "a.npz", x=images, y=labels, class_names=np.array(["a", "b", "c"]))
    return folder / "a.npz"


def _idx(gzipped: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_idx(folder / "idx", {"train": random_images(6)}, gzipped=gzipped)
        return next(iter(sorted((folder / "idx").iterdir())))

    return make


def _cifar_python(folder: Path) -> Path:
    place = folder / "cifar"
    write_cifar10_python(place, {"data_batch_1": random_images(10, shape=(32, 32, 3), classes=10)})
    return place / "data_batch_1"


def _cifar_binary(folder: Path) -> Path:
    batches = {"data_batch_1.bin": random_images(10, shape=(32, 32, 3), classes=10)}
    write_cifar_binary(folder / "cifar", batches, names=CIFAR10_NAMES)
    return folder / "cifar" / "batches.meta.txt"


def _bundle(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        finished_runs.add_model(folder)
        return folder / "model" / name

    return make


def _reseal_bundle(data: bytes) -> bytes:
    return json.dumps(with_digest(json.loads(data))).encode()


def _export(folder: Path) -> Path:
    """The contract of an export; its networks are not read before their digests are right."""
    finished_runs.add_model(folder)
    contract = json.loads((folder / "model" / "nunbit.json").read_bytes())
    files = {}
    for name in ("model.onnx", "preprocess.onnx"):
        (folder / name).write_bytes(name.encode())
        files[name] = hashlib.sha256(name.encode()).hexdigest()
    own = {"kind": "nunbit-onnx", "format": 1, "files": files}
    (folder / "nunbit.json").write_text(json.dumps(contract | own))
    return folder / "nunbit.json"


def _checkpoint(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        state = make_state()
        state.history = [{"epoch": 1, "loss": 0.5}]
        save_checkpoint(folder / "last", state)
        return folder / "last" / name

    return make


def _reseal_state(data: bytes) -> bytes:
    content = json.loads(data)
    said = {key: value for key, value in content.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return json.dumps({**said, "sha256": digest}).encode()


def _read_checkpoint(file: Path) -> None:
    load_weights(file.parent, make_state().model)
    load_checkpoint(file.parent, make_state())


def _array_cache(folder: Path) -> ArrayCache:
    return ArrayCache(folder, "pixels", disk_bytes=10**9, progress=SILENT)


_KEY, _SHAPE = "0" * 64, (4, 2, 2, 1)


def _cache_entry(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        def fill(write: Callable[[Any], None]) -> dict[str, Any]:
            write(np.zeros(_SHAPE, dtype=np.uint8))
            return {"reasons": {}}

        _array_cache(folder).build(_KEY, _SHAPE, np.uint8, fill, into_ram=False)
        return folder / "pixels" / _KEY / name

    return make


def _read_cache(file: Path) -> None:
    for into_ram in (False, True):
        _array_cache(file.parents[2]).find(_KEY, _SHAPE, np.uint8, into_ram=into_ram)


def _reseal_cache(data: bytes) -> bytes:
    content = json.loads(data)
    return with_checksum({k: v for k, v in content.items() if k not in ("seal", "format")}).encode()


def _inspections(folder: Path) -> Path:
    samples = load_samples(_photos(folder))
    inspect(
        samples,
        workers=0,
        progress=SILENT,
        remembered=InspectionCache(folder / "looks", samples.location),
    )
    files = list((folder / "looks").glob("*.json"))
    if not files:  # the files are too new to be told from changed ones
        (folder / "looks").mkdir(exist_ok=True)
        cache = InspectionCache(folder / "looks", samples.location)
        cache._file.write_bytes(b"00000000\n[]")
        files = [cache._file]
    return files[0]


def _read_inspections(file: Path) -> None:
    samples = load_samples(file.parents[1] / "photos")
    inspect(
        samples,
        workers=0,
        progress=SILENT,
        remembered=InspectionCache(file.parent, samples.location),
    )


def _run(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        data = finished_runs.write_images(folder / "data")
        finished_runs.write_run(folder / "run", data, wrong=[0, 1])
        return folder / "run" / name

    return make


def _advice(folder: Path) -> Path:
    (folder / "advice.json").write_text('{"heads": [], "curve": [], "much": {}, "plans": [1]}')
    return folder / "advice.json"


def _read_run(file: Path) -> object:
    return read_run(file.parent, name="run")


TARGETS = (
    Target(name="recipe", make=_recipe, read=read_config),
    Target(name="augmentation", make=_augmentation, read=lambda f: load_augmentation(str(f))),
    Target(name="split", make=_manifest, read=_read_manifest),
    Target(name="corrections", make=_corrections, read=_read_corrections),
    Target(
        name="label map (JSON)",
        make=_label_map("map.json", '{"cat": "lion", "dog": "wolf"}'),
        read=lambda f: load_samples(f.parent / "photos", label_map=f),
        is_json=True,
    ),
    Target(
        name="label map (CSV)",
        make=_label_map("map.csv", "old,new\ncat,lion\ndog,wolf\n"),
        read=lambda f: load_samples(f.parent / "photos", label_map=f),
    ),
    Target(name="table", make=_table, read=load_samples),
    Target(name="zip", make=_zip, read=_read_archive),
    Target(name="tar (gzip)", make=_tar, read=_read_archive),
    Target(name="COCO", make=_coco, read=load_samples, is_json=True),
    Target(name="Label Studio", make=_label_studio, read=load_samples, is_json=True),
    Target(name="npz", make=_npz, read=load_samples),
    Target(name="IDX", make=_idx(False), read=lambda f: load_samples(f.parent)),
    Target(name="IDX (gzip)", make=_idx(True), read=lambda f: load_samples(f.parent)),
    Target(name="CIFAR (pickle)", make=_cifar_python, read=lambda f: load_samples(f.parent)),
    Target(name="CIFAR (binary)", make=_cifar_binary, read=lambda f: load_samples(f.parent)),
    Target(
        name="bundle: nunbit.json",
        make=_bundle("nunbit.json"),
        read=lambda f: load_bundle(f.parent),
        is_json=True,
        reseal=_reseal_bundle,
    ),
    Target(
        name="bundle: config.json",
        make=_bundle("config.json"),
        read=lambda f: load_bundle(f.parent),
        is_json=True,
    ),
    Target(
        name="bundle: weights",
        make=_bundle("model.safetensors"),
        read=lambda f: load_bundle(f.parent),
    ),
    Target(
        name="export: nunbit.json", make=_export, read=lambda f: read_export(f.parent), is_json=True
    ),
    Target(
        name="checkpoint: state.json",
        make=_checkpoint("state.json"),
        read=_read_checkpoint,
        is_json=True,
        reseal=_reseal_state,
    ),
    Target(
        name="checkpoint: weights",
        make=_checkpoint("weights.safetensors"),
        read=_read_checkpoint,
    ),
    Target(
        name="pixel cache: entry.json",
        make=_cache_entry("entry.json"),
        read=_read_cache,
        is_json=True,
        reseal=_reseal_cache,
    ),
    Target(name="pixel cache: array", make=_cache_entry("pixels.npy"), read=_read_cache),
    Target(name="inspection cache", make=_inspections, read=_read_inspections),
    Target(name="run: summary.json", make=_run("summary.json"), read=_read_run),
    Target(name="run: predictions.csv", make=_run("predictions.csv"), read=_read_run),
    Target(
        name="run: advice.json",
        make=_advice,
        read=lambda f: recorded_advice(RunFolder(f.parent)),
        is_json=True,
    ),
)
