"""training set -> verdict: whether it is worth fitting anything."""

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.training.checks import find_training_problems
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled
from nightshift.steps.labels import PARTITION, TARGET
from nightshift.steps.outcome import Outcome
from nightshift.steps.train.training_set import read_frame


def check_training_set(config: PipelineConfig, resources: Resources, assembled: Assembled) -> Outcome:
    """Stopped, with every reason, where the set can't teach anything. Figures: rows, days."""
    spec = config.spec
    frame = read_frame(resources, assembled)
    problems = find_training_problems(
        frame, frame[TARGET], frame[PARTITION], spec.features.names, spec.task, spec.gate.min_rows
    )
    figures = {"rows": len(frame), "days": int(frame[PARTITION].nunique())}
    if problems:
        return Outcome("stopped", f"{config.name}: can't train: {'; '.join(problems)}. The champion stays.", figures)
    return Outcome("done", figures=figures)
