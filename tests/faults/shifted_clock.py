"""One night with a clock that is off by so many hours; run in a process of its own, whose every `now` it bends."""

import datetime
import json
import sys
import time
from pathlib import Path

import nightshift.steps.score.score  # noqa: F401  (it is imported late, and must be bent as well)
from nightshift.local.postgres import Server
from tests.integration.kit import open_world

hours, night, socket, database, folder = sys.argv[1:]
SHIFT, real_time = float(hours) * 3600, time.time


class ShiftedDatetime(datetime.datetime):
    """`now` is off; everything else is as ever."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "ShiftedDatetime":
        return cls.fromtimestamp(real_time() + SHIFT, tz)


# In our own modules only: libraries written in C know the real class by its size.
ours = [module for name, module in sys.modules.items() if name.startswith("nightshift.")]
bent = [module for module in ours if getattr(module, "datetime", None) is datetime.datetime]
for module in bent:
    vars(module)["datetime"] = ShiftedDatetime
assert {"nightshift.io.lake.base", "nightshift.steps.score.plan"} <= {module.__name__ for module in bent}, bent
time.time = lambda: real_time() + SHIFT

with open_world(Server(socket), database, Path(folder)) as world:
    day = datetime.date.fromisoformat(night)
    outcomes = [world.ingest(day), world.score(day)]
    print(json.dumps([outcome.status for outcome in outcomes]))
