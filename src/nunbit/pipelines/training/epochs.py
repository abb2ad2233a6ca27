"""Epochs of a training: which is kept and why, what happened, how quick they were."""

from __future__ import annotations

from collections.abc import Iterator

from nunbit.config.resolved import ResolvedCheckpoint
from nunbit.evaluation.summary import SelectedEpoch
from nunbit.finetune.finetune import FineTuning
from nunbit.formatting import count, decimal, percent
from nunbit.reports.run.run_result import Event
from nunbit.training.callbacks import standard_error
from nunbit.training.state import TrainingState


def select_epoch(
    state: TrainingState, checkpoint: ResolvedCheckpoint, *, validation_images: int
) -> SelectedEpoch:
    """The epoch whose weights are in the bundle; see `nunbit.training.callbacks.SaveBest`."""
    best = state.best
    if checkpoint.deploy == "last":
        why = "the last one, as checkpoint.deploy says"
        return SelectedEpoch(epoch=len(state.history), why=why)
    if best.value is None:
        why = "the last one: the checkpoint of the best is damaged"
        return SelectedEpoch(epoch=best.epoch, why=why)
    monitor = checkpoint.as_monitor
    name = monitor.name.replace("_", " ")
    value = percent(best.value) if name.endswith("accuracy") else decimal(best.value)
    if best.epoch == best.reached:
        extreme = "lowest" if monitor.mode == "min" else "highest"
        return SelectedEpoch(epoch=best.epoch, why=f"the {extreme} {name} of all, {value}")
    points = 100 * checkpoint.tolerance * standard_error(best.value, validation_images)
    where = f"in epoch {best.reached}" if best.reached else "of the fitted head"
    return SelectedEpoch(
        epoch=best.epoch,
        why=f"the latest within {_errors(checkpoint.tolerance)} ({points:.1f} points on "
        f"{count(validation_images, 'image')}) of the highest {name}, {value} {where}",
    )


def _errors(tolerance: float) -> str:
    """'one standard error', '0.5 standard errors'."""
    return "one standard error" if tolerance == 1 else f"{tolerance:g} standard errors"


def events_of(state: TrainingState, tuning: FineTuning | None = None) -> tuple[Event, ...]:
    """Events of the callbacks and, for fine-tuning, where more stages began to learn."""
    events = [Event(**event) for event in state.events]
    if tuning is not None:
        events += _unfreezings(tuning, len(state.history))
    return tuple(sorted(events, key=lambda event: event.epoch))


def _unfreezings(tuning: FineTuning, epochs: int) -> Iterator[Event]:
    """A function of the epoch alone, as the unfreezing itself is."""
    stages = tuning.stages.count
    for epoch in range(2, epochs + 1):
        learning = stages - tuning.frozen(epoch)
        if learning > stages - tuning.frozen(epoch - 1):
            text = f"from here on {count(learning, 'stage')} of {stages} learned beside the head"
            yield Event(epoch=epoch, kind="unfreeze", text=text)


def images_per_second(state: TrainingState) -> float:
    """Images that a second of all epochs together has trained on, to a tenth."""
    images = sum(row["images_per_second"] * row["seconds"] for row in state.history)
    return round(images / sum(row["seconds"] for row in state.history), 1)
