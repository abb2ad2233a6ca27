"""Experiments over seeds whose results are kept, so that an interrupted lab continues.

Each seed's result is a file. It counts only for the same function, settings and version of nunbit;
functions that it calls in turn are not compared.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from nunbit.config import load_config
from nunbit.errors import UsageError
from nunbit.files import write_atomically
from nunbit.pipelines.train import Run
from nunbit.progress import Progress

T = TypeVar("T")


@dataclass(frozen=True)
class Repeated(Sequence[T], Generic[T]):
    """The results of an experiment, one for each seed."""

    results: tuple[T, ...]
    seeds: tuple[int, ...]
    seconds: float
    """Total of all seeds, including those that had run before."""
    kept_seconds: float
    """The part of it that was spent in earlier runs."""

    def __len__(self) -> int:
        return len(self.results)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.results[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self.results)


def repeat(
    name: str,
    function: Callable[..., T],
    *,
    seeds: Iterable[int],
    settings: Mapping[str, Any],
    folder: Path,
    progress: Progress,
) -> Repeated[T]:
    """Run `function(seed=..., **settings)` for each seed, unless `folder` holds its result.

    Raises:
        UsageError: when a result or a setting cannot be written as JSON.
    """
    chosen = tuple(seeds)
    place = folder / f"{name}-{_fingerprint(settings, _source(function))}"
    place.mkdir(parents=True, exist_ok=True)
    results, spent, kept = [], 0.0, 0.0
    for seed in progress.track(chosen, total=len(chosen), title=f"{name}, seeds"):
        path = place / f"seed-{seed}.json"
        content = _read(path)
        kept += content["seconds"] if content else 0.0
        if content is None:
            began = time.perf_counter()
            result = function(seed=seed, **settings)
            content = {"seconds": time.perf_counter() - began, "result": result}
            write_atomically(path, _as_json(content, name))
            # What is used is what was written, so that a stored result does not differ from a new
            # one: a tuple comes back as a list.
            content = json.loads(path.read_text(encoding="utf-8"))
        results.append(content["result"])
        spent += content["seconds"]
    return Repeated(tuple(results), chosen, spent, kept)


def train_repeatedly(
    name: str,
    data: str | Path,
    *,
    seeds: Iterable[int],
    options: Mapping[str, Any],
    folder: Path,
    progress: Progress,
) -> Repeated[Run]:
    """Train with the library for each seed, in a folder of its own; continues where it stopped."""
    import nunbit

    chosen = tuple(seeds)
    # Data are known by the end of their path, so that a lab's folder may move with what it keeps.
    known = {**options, "data": "/".join(Path(data).parts[-2:]), "recipe": _recipe(options, data)}
    if "augment" in options:
        known["augment"] = _augmentation(options["augment"])
    place = folder / f"{name}-{_fingerprint(known, '')}"
    place.mkdir(parents=True, exist_ok=True)
    runs, kept = [], 0.0
    for seed in chosen:
        out = place / f"seed-{seed}"
        if (out / "summary.json").is_file():
            summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
            runs.append(Run(folder=out, summary=summary))
            kept += summary["seconds"]["total"]
            continue
        progress.note(f"{name}, seed {seed}")
        begun = (out / "config.toml").is_file()
        runs.append(
            nunbit.train(data, out=out, resume=begun, seed=seed, progress=progress, **options)
        )
    seconds = sum(float(run.summary["seconds"]["total"]) for run in runs)
    return Repeated(tuple(runs), chosen, seconds, kept)


def _augmentation(augment: object) -> object:
    """Content of an augmentation's file, wherever it lies; the name of a preset as it is."""
    if isinstance(augment, str | Path) and Path(augment).is_file():
        return Path(augment).read_text(encoding="utf-8")
    return augment


def _recipe(options: Mapping[str, Any], data: str | Path) -> str:
    """Content of a recipe, so that a changed one is another experiment; '' without one."""
    recipe = options.get("recipe")
    if recipe is None:
        return ""
    # The data are known otherwise; here they only fill a place that a recipe may leave empty.
    settings = {"data.path": Path(data).name}
    return load_config(data=None, recipe=recipe, settings=settings).to_toml()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _source(function: Callable[..., object]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(function)


def _fingerprint(settings: Mapping[str, Any], source: str) -> str:
    from nunbit import __version__

    text = _as_json({"settings": dict(settings), "source": source, "nunbit": __version__}, "")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _as_json(content: Mapping[str, Any], name: str) -> str:
    try:
        return json.dumps(content, sort_keys=True, default=_number_or_path)
    except TypeError as error:
        raise UsageError(
            f"the results of the experiment {name!r} cannot be stored: {error}",
            remedy="let it take and return numbers, texts, lists and dictionaries of them",
        ) from None


def _number_or_path(value: Any) -> Any:
    """Convert numbers and arrays of NumPy and torch to Python's own."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither number, text, list nor dictionary")
