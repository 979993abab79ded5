"""Limits: what a file may hold and what reading it may cost; each is far above any real return.

A file beyond a limit is refused with the limit named. They hold for every format, so that a few kilobytes can never
take all the memory or the whole day.
"""

from __future__ import annotations

from typing import Final

# Bytes of a file as it lies in the folder, and of all that a compressed file holds once it is inflated.
MOST_BYTES: Final = 400_000_000
MOST_INFLATED: Final = 600_000_000

# Rows of a sheet (those of a spreadsheet program), columns that hold anything, and cells of a whole file.
MOST_ROWS: Final = 1_048_576
MOST_LINES: Final = 3_000_000
MOST_COLUMNS: Final = 1_000
MOST_CELLS: Final = 8_000_000

# Cells that can't be read as they are shown, named one by one; above it the workbook is refused.
MOST_MARKS: Final = 50_000

# Things wrong in one table that are named one by one; above it the table is not what it is taken for.
MOST_PROBLEMS: Final = 100_000

# What the child process may take that reads a workbook, Parquet or whatever is compressed.
MEMORY: Final = 2_000_000_000
SECONDS: Final = 60
