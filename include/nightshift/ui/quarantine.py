"""What the page of a pipeline's quarantine shows."""

from nightshift.config.pipeline import PipelineConfig
from nightshift.steps.quarantine.look import Quarantine, look_at_quarantine
from nightshift.ui.models import open_local_resources

# A request must end soon: the reasons are those of the newest partitions.
NEWEST = 31
EXAMPLES = 5


def read_quarantine(config: PipelineConfig) -> Quarantine:
    """The partitions that have rows in quarantine, and the reasons in the newest of them."""
    with open_local_resources() as resources:
        return look_at_quarantine(config, resources, newest=NEWEST, examples=EXAMPLES)
