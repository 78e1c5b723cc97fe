"""Data without networks: readers, series, windows, splits, scaling and synthetic series.

Readers (:mod:`nurt.data.readers`) and scaling (:mod:`nurt.data.scaling`) are imported by their own names, because they
import polars and torch.
"""

from nurt.data.frames import from_arrays, from_frame, like
from nurt.data.selection import Selection, select
from nurt.data.series import DataCheck, DataFinding, Series, check_series, fingerprint, require_usable
from nurt.data.table import Table
from nurt.data.time_axis import absent_stamps, regular_grid
from nurt.data.windows import Origins, TimeSplit, WindowBatch, Windows, split_by_time

__all__ = [
    "DataCheck",
    "DataFinding",
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
    "require_usable",
    "select",
    "split_by_time",
]
