"""A COPY that is long enough to be disturbed in its middle."""

from typing import Any

from nightshift.steps.score.score import score_partition
from tests.faults.kit import allow_any_size
from tests.faults.steps import NIGHT
from tests.integration.kit import World, score_later

# Many times what fits between the driver and the server, so that the server is in the middle as well.
MANY = 4000


def prepare_many(world: World, later: bool = False) -> tuple[World, dict[str, Any]]:
    """The world with a published night, and what publishes many more rows of it, scored by then or `later`."""
    world = allow_any_size(world)
    world.run_night(NIGHT)
    world.write(NIGHT, count=MANY)
    assert world.ingest(NIGHT).status == "done"
    scored = (score_later if later else score_partition)(world.config, world.resources, NIGHT).figures
    return world, {"partition": NIGHT, "scored": scored}


def find_piece(share: int) -> str:
    """The point at which this share (percent) of the COPY is on its way."""
    # A row takes about 57 bytes, and the driver asks for 8 KiB at a time.
    return f"copy {MANY * 57 * share // 100 // 8192}"
