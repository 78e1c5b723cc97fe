"""Data without networks: readers, series, windows, splits, scaling and synthetic series.

Readers (:mod:`nurt.data.readers`) and scaling (:mod:`nurt.data.scaling`) are imported by their own names, because they
bring polars and torch with them.
"""

from nurt.data.assembly import Selection
from nurt.data.checks import DataCheck, Finding, check_series, require_length
from nurt.data.fingerprinting import fingerprint
from nurt.data.frames import from_arrays, from_frame, like
from nurt.data.grid import absent_stamps, regular_grid
from nurt.data.selection import select
from nurt.data.series import Series
from nurt.data.splits import TimeSplit, split_by_time
from nurt.data.table import Table
from nurt.data.windows import Origins, WindowBatch, Windows

__all__ = [
    "DataCheck",
    "Finding",
    "Origins",
    "Selection",
    "Series",
    "Table",
    "TimeSplit",
    "WindowBatch",
    "Windows",
    "absent_stamps",
    "check_series",
    "fingerprint",
    "from_arrays",
    "from_frame",
    "like",
    "regular_grid",
    "require_length",
    "select",
    "split_by_time",
]
