"""A step that a later attempt has overtaken, or that is too old, writes nothing, and says so."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.ledger.entries import Expired, Superseded
from nightshift.io.resources import Resources
from nightshift.steps.outcome import Outcome

Rest = ParamSpec("Rest")
Step = Callable[Concatenate[PipelineConfig, Resources, date, Rest], Outcome]


def skip_superseded(step: Step[Rest]) -> Step[Rest]:
    """The step, skipped where it was overtaken, since somebody else does its work; stopped where it is too old."""

    @wraps(step)
    def run(
        config: PipelineConfig, resources: Resources, partition: date, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> Outcome:
        try:
            return step(config, resources, partition, *args, **kwargs)
        except Superseded as reason:
            return Outcome("skipped", f"{config.name} {partition}: {reason}. Nothing was written.")
        except Expired as reason:
            again = "Clear the run from its first task on, or start a new one for this partition."
            return Outcome("stopped", f"{config.name} {partition}: {reason}. {again}")

    return run
