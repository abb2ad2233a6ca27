"""The runs that join all stages: training, resuming, and evaluating again."""

from nunbit.run.reevaluate import evaluate_run
from nunbit.run.spine import Run, resume, train

__all__ = ["Run", "evaluate_run", "resume", "train"]
