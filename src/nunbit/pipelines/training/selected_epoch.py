"""Which epoch's weights a run keeps, and why: for the summary and the report."""

from __future__ import annotations

from nunbit.config.resolved import ResolvedCheckpoint
from nunbit.evaluation.summary import SelectedEpoch
from nunbit.formatting import count, decimal, percent
from nunbit.training.callbacks import standard_error
from nunbit.training.state import TrainingState


def kept_epoch(
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
