"""What a worker calls itself; lies in the root of the copied project. All workers of the test share one machine."""

import os


def read_name() -> str:
    """For `[core] hostname_callable`."""
    return os.environ["NIGHTSHIFT_WORKER"]
