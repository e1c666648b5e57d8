"""A step that a later attempt has overtaken writes nothing, and says so."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec

from include.config.pipeline import PipelineConfig
from include.io.ledger import Superseded
from include.io.resources import Resources
from include.steps.outcome import Outcome

Rest = ParamSpec("Rest")
Step = Callable[Concatenate[PipelineConfig, Resources, date, Rest], Outcome]


def skip_superseded(step: Step[Rest]) -> Step[Rest]:
    """The step, skipped where its commit is refused: whoever overtook it does its work."""

    @wraps(step)
    def run(
        config: PipelineConfig, resources: Resources, partition: date, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> Outcome:
        try:
            return step(config, resources, partition, *args, **kwargs)
        except Superseded as reason:
            return Outcome("skipped", f"{config.name} {partition}: {reason}. Nothing was written.")

    return run
