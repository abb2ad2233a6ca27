"""Which epoch's weights a run keeps, and why: for the summary and the report."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.config.resolved import ResolvedCheckpoint
from nunbit.formatting import count, decimal, percent
from nunbit.training.callbacks import standard_error
from nunbit.training.state import TrainingState


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An epoch and the reason for it."""

    epoch: int
    """0 is the fitted head that fine-tuning began with."""
    why: str
    """As the end of a sentence that begins with the epoch."""


def kept_epoch(
    state: TrainingState, checkpoint: ResolvedCheckpoint, *, validation_images: int
) -> Kept:
    """The epoch whose weights are in the bundle; see `nunbit.training.callbacks.SaveBest`."""
    best = state.best
    if checkpoint.deploy == "last":
        return Kept(epoch=len(state.history), why="the last one, as checkpoint.deploy says")
    if best.value is None:
        return Kept(epoch=best.epoch, why="the last one: the checkpoint of the best is damaged")
    monitor = checkpoint.as_monitor
    name = monitor.name.replace("_", " ")
    value = percent(best.value) if name.endswith("accuracy") else decimal(best.value)
    if best.epoch == best.reached:
        extreme = "lowest" if monitor.mode == "min" else "highest"
        return Kept(epoch=best.epoch, why=f"the {extreme} {name} of all, {value}")
    points = 100 * checkpoint.tolerance * standard_error(best.value, validation_images)
    where = f"in epoch {best.reached}" if best.reached else "of the fitted head"
    return Kept(
        epoch=best.epoch,
        why=f"the latest within {_errors(checkpoint.tolerance)} ({points:.1f} points on "
        f"{count(validation_images, 'image')}) of the highest {name}, {value} {where}",
    )


def _errors(tolerance: float) -> str:
    """'one standard error', '0.5 standard errors'."""
    return "one standard error" if tolerance == 1 else f"{tolerance:g} standard errors"
