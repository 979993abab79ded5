"""Many rows at once, by each database's quickest way."""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import polars.selectors as cs

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS_A_STATEMENT: Final = 50


def insert_rows(connection: sa.Connection, table: str, rows: pl.DataFrame) -> None:
    """Add rows: many a statement on SQLite, `COPY` on PostgreSQL; columns that are not given stay absent.

    Args:
        connection: of a transaction that writes.
        table: the name of the table.
        rows: columns that bear the names of the table's; times as text, in the form that the database keeps.
    """
    plain = rows.with_columns(cs.enum().cast(pl.String))
    driver: Any = connection.connection.driver_connection
    (_insert_many if connection.dialect.name == "sqlite" else _copy)(driver, table, plain)


def _insert_many(driver: Any, table: str, rows: pl.DataFrame) -> None:
    """Some rows a statement: to start one takes SQLite as long as to add a row."""
    columns, marks = ", ".join(f'"{column}"' for column in rows.columns), f"({', '.join('?' * rows.width)})"
    values = rows.rows()
    for start in range(0, len(values), _ROWS_A_STATEMENT):
        some = values[start : start + _ROWS_A_STATEMENT]
        statement = f'INSERT INTO "{table}" ({columns}) VALUES {", ".join([marks] * len(some))}'  # noqa: S608
        driver.execute(statement, [*chain.from_iterable(some)])


def _copy(driver: Any, table: str, rows: pl.DataFrame) -> None:
    columns = ", ".join(f'"{column}"' for column in rows.columns)
    if pl.Binary in rows.dtypes:  # few rows: as text each byte would be two, and take five times as long
        marks = ", ".join("%b" if dtype == pl.Binary else "%s" for dtype in rows.dtypes)
        with driver.cursor() as cursor:
            cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', rows.rows())  # noqa: S608
        return
    lines = io.BytesIO()
    rows.write_csv(lines, include_header=False)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN (FORMAT csv)') as copy:
        copy.write(lines.getbuffer())
