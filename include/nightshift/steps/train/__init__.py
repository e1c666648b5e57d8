"""The tasks of a training, in their order."""

from nightshift.steps.train.assemble import assemble_training_set
from nightshift.steps.train.check import check_training_set
from nightshift.steps.train.evaluate import evaluate_candidate
from nightshift.steps.train.fit import tune_and_fit
from nightshift.steps.train.judge import judge_candidate
from nightshift.steps.train.promote import Promoter, promote_candidate

__all__ = [
    "Promoter",
    "assemble_training_set",
    "check_training_set",
    "evaluate_candidate",
    "judge_candidate",
    "promote_candidate",
    "tune_and_fit",
]
