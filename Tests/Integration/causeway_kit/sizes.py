"""How large a scenario is."""

import os

#: The full sizes, as the project's issues state them; `make drill` sets it.
IS_DRILL = os.environ.get("DRILL") == "1"


def size(small, full):
    """Small enough for every run and still finding faults, or the full size in a drill."""
    return full if IS_DRILL else small
