"""What happened while a network was trained, for the report."""

from __future__ import annotations

from collections.abc import Iterator

from nunbit.finetune.finetune import FineTuning
from nunbit.formatting import count
from nunbit.reports.run.run_result import Event
from nunbit.training.state import TrainingState


def events_of(state: TrainingState, tuning: FineTuning | None = None) -> tuple[Event, ...]:
    """What the callbacks remembered and, of a fine-tuning, where more stages began to learn."""
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
