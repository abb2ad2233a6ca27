"""What the report is told of a training's course."""

from __future__ import annotations

from nunbit.finetune.finetune import FineTuning
from nunbit.finetune.stages import Stages
from nunbit.pipelines.training.epochs import events_of
from nunbit.reports.run.run_result import Event
from tests.training.parts import make_state


def test_unfreezing_and_callbacks_are_told_in_the_order_of_the_epochs() -> None:
    state = make_state()
    state.history = [{"epoch": float(epoch)} for epoch in range(1, 7)]
    state.happened({"epoch": 4.0}, "plateau", "learning rate lowered")
    stages = Stages(count=5, of_parameter={}, of_module={})
    tuning = FineTuning(stages=stages, learning=3, unfreeze_epochs=2)
    assert events_of(state, tuning) == (
        Event(epoch=3, kind="unfreeze", text=told(2)),
        Event(epoch=4, kind="plateau", text="learning rate lowered"),
        Event(epoch=5, kind="unfreeze", text=told(3)),
    )


def test_what_learns_from_the_start_is_no_event() -> None:
    state = make_state()
    state.history = [{"epoch": 1.0}, {"epoch": 2.0}]
    stages = Stages(count=5, of_parameter={}, of_module={})
    assert events_of(state, FineTuning(stages=stages, learning=3)) == ()
    assert events_of(state) == ()


def told(stages: int) -> str:
    return f"from here on {stages} stages of 5 learned beside the head"
