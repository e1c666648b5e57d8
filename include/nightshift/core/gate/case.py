"""What every rule of the gate is asked about."""

from dataclasses import dataclass

from nightshift.config.sections.gate import Gate
from nightshift.core.gate.evidence import Evidence


@dataclass(frozen=True)
class GateCase:
    """A candidate: the evidence, the pipeline's section `gate`, its task and metric, and the training's seed."""

    evidence: Evidence
    gate: Gate
    task: str
    metric: str
    seed: int
