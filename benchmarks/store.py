"""What it takes to keep a run, on both databases in one run: `python -m benchmarks.store`.

Saving the national run and a million answers; beside our way of adding rows the two that are usual with SQLAlchemy.
PostgreSQL is a server of its own, with its usual promises (it waits for the disk). Wall seconds and this
process's own processor seconds, the median of several runs after one to warm up.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from click.testing import CliRunner
from sqlmodel import Session

from crosscheck import settings
from crosscheck.cli import main as crosscheck
from crosscheck.runs.run_folder import read_table
from crosscheck.store.backup import back_up, restore
from crosscheck.store.bulk import insert_rows
from crosscheck.store.database import Store, connect, open_store
from crosscheck.store.runs import delete_run, export_run, list_runs
from crosscheck.store.save import save_run
from crosscheck.store.tables import Answer, Kept
from crosscheck.store.triggers import unsealed
from tests import postgres

COLLECTION = Path(__file__).resolve().parent.parent / "data" / "england-2008-09"
SAVES = 5
MILLION, BY_CORE, BY_ORM = 1_000_000, 50_000, 10_000
GOALS = {"a national run saved": (1, 2), "1,000,000 answers": (5, 10)}


@dataclass(frozen=True)
class Taken:
    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:8.3f} s ({self.processor:.3f} s)"


def taken(work: Callable[[], object]) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def median(times: list[Taken]) -> Taken:
    return Taken(statistics.median(each.wall for each in times), statistics.median(each.processor for each in times))


def saved(store: Store, run: Path) -> Taken:
    """Saved anew each time, so that nothing of it is there before."""
    times = []
    for _ in range(SAVES + 1):
        times.append(taken(lambda: keep(store, run)))
        delete_run(store, list_runs(store)[0].run_id)
    return median(times[1:])


def keep(store: Store, run: Path) -> str:
    return save_run(store, run, COLLECTION, settings.home()).run_id


def many_answers(run: Path, count: int) -> pl.DataFrame:
    """So many answers: those of the national run again and again, as if of so many runs."""
    answers = read_table(run, "collection/answers").sort("org_code", "question_id", "item")
    runs = range(1000, 1001 + count // answers.height)
    return pl.concat([answers.select(pl.lit(number).alias("run"), pl.all()) for number in runs]).head(count)


def added(store: Store, work: Callable[[sa.Connection], object]) -> Taken:
    """The time of a transaction, its end with it; the rows are taken away afterwards."""

    def transaction() -> None:
        with store.writing() as connection, unsealed(connection):
            work(connection)

    times = taken(transaction)
    with store.writing() as connection:
        connection.execute(sa.text("DELETE FROM answer WHERE run >= 1000"))
    return times


def by_core(connection: sa.Connection, rows: list[dict[str, object]]) -> None:
    connection.execute(sa.insert(Kept.metadata.tables["answer"]), rows)


def by_orm(connection: sa.Connection, rows: list[dict[str, object]]) -> None:
    with Session(connection) as session:
        session.add_all([Answer(**row) for row in rows])
        session.flush()


def measure(url: str, run: Path, folder: Path) -> dict[str, Taken | str]:
    with open_store(url, create=True) as store:
        figures: dict[str, Taken | str] = {"a national run saved": saved(store, run)}
        run_id = keep(store, run)
        figures["the run given back"] = taken(lambda: export_run(store, run_id, folder / "back"))
        answers = many_answers(run, MILLION)
        figures["1,000,000 answers"] = added(store, lambda connection: insert_rows(connection, "answer", answers))
        for name, count, way in (("Core", BY_CORE, by_core), ("ORM", BY_ORM, by_orm)):
            rows = answers.head(count).with_columns(pl.col("absence").cast(pl.String)).to_dicts()
            some = added(store, lambda connection, rows=rows, way=way: way(connection, rows))
            times = MILLION / count
            figures[f"the same by {name}, from {count:,}"] = Taken(some.wall * times, some.processor * times)
        figures["backed up"] = taken(lambda: back_up(store, folder / "kept.zip"))
        figures["size of the backup"] = f"{(folder / 'kept.zip').stat().st_size / 1e6:8.1f} MB"
        figures["size of the store"] = f"{size(store) / 1e6:8.1f} MB"
    return figures


def size(store: Store) -> int:
    if store.is_sqlite:
        with store.reading() as connection:
            pages, free, page = (
                connection.exec_driver_sql(f"PRAGMA {what}").scalar_one()
                for what in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * page
    with store.reading() as connection:
        return connection.scalar(sa.text("SELECT pg_database_size(current_database())"))


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Two addresses of each kind: to keep in, and to restore into."""
    with postgres.server("") as server, server.database() as kept, server.database() as other:
        files = str(folder / "kept.db"), str(folder / "other.db")
        yield {"SQLite": files, "PostgreSQL": (kept, other)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        CliRunner().invoke(
            crosscheck, ["run", str(COLLECTION), "--year", "2008/09", "--out", str(run)], catch_exceptions=False
        )
        table: dict[str, dict[str, Taken | str]] = {}
        with stores(Path(name)) as kinds:
            for kind, (kept, other) in kinds.items():
                folder = Path(name) / kind
                folder.mkdir()
                table[kind] = measure(kept, run, folder)
                with connect(other, create=True) as empty:
                    table[kind]["restored"] = taken(
                        lambda empty=empty, folder=folder: restore(folder / "kept.zip", empty)
                    )
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{'wall (processor of this process)':36} {'SQLite':>20} {'PostgreSQL':>20}   goals")
    for what in table["SQLite"]:
        goals = " and ".join(f"{goal:g} s" for goal in GOALS.get(what, ()))
        print(f"{what:36} {table['SQLite'][what]!s:>20} {table['PostgreSQL'][what]!s:>20}   {goals}")


if __name__ == "__main__":
    main()
