"""Names in pipeline.yaml that a registry knows: what ships and what the project's extensions add."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from nightshift.errors import NightshiftError
from nightshift.extension.drift_measures import DRIFT_MEASURES
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.metrics import METRICS
from nightshift.extension.tasks import ALIASES, TASKS, find_task


@dataclass(frozen=True)
class Choice:
    """Annotates text that must be a name of `list_names`, or an earlier one that `find` knows."""

    list_names: Callable[[], tuple[str, ...]]
    find: Callable[[str], Any]
    # Names that are still understood.
    earlier: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = {"enum": list(self.list_names())}
        earlier = {"enum": list(self.earlier), "deprecated": True}
        return {"type": "string", **({"anyOf": [names, earlier]} if self.earlier else names)}

    def check(self, name: object) -> str:
        """Return the record's own name, which may be the newer one; refused as by a Literal where there is none."""
        if isinstance(name, str):
            with suppress(NightshiftError):
                return str(self.find(name).name)
        *others, last = (repr(known) for known in self.list_names())
        expected = f"{', '.join(others)} or {last}" if others else last
        raise PydanticKnownError("literal_error", {"expected": expected})


TaskName = Annotated[str, Choice(TASKS.list_names, find_task, tuple(ALIASES))]
MetricName = Annotated[str, Choice(METRICS.list_names, METRICS.find)]
EstimatorName = Annotated[str, Choice(ESTIMATORS.list_names, ESTIMATORS.find)]
DriftMeasureName = Annotated[str, Choice(DRIFT_MEASURES.list_names, DRIFT_MEASURES.find)]
