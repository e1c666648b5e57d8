"""The tasks of a training, in their order."""

from include.steps.train.assemble import assemble_training_set
from include.steps.train.check import check_training_set
from include.steps.train.evaluate import evaluate_candidate
from include.steps.train.fit import tune_and_fit
from include.steps.train.judge import judge_candidate
from include.steps.train.promote import promote_candidate

__all__ = [
    "assemble_training_set",
    "check_training_set",
    "evaluate_candidate",
    "judge_candidate",
    "promote_candidate",
    "tune_and_fit",
]
