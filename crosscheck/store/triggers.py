"""Triggers that hold what is kept: what may not be changed can't be, whatever program asks.

They are written here alone, for both databases, and made anew after every migration: SQLite's way of altering a table
is to copy it, and the copy has no triggers. An owner of the database can drop them, so a store is looked at when it is
opened (`missing_triggers`).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

import sqlalchemy as sa

from crosscheck.store.tables import GENESIS, ROWS, Kept, RunFile

if TYPE_CHECKING:
    from collections.abc import Iterator

Guard = Literal["kept", "sealed", "appended", "chained"]
AUDIT_LOCK: Final = 0xC2A0D17  # PostgreSQL's advisory lock of whoever adds to the audit trail

# kept: no row is changed; one goes only where nothing rests on it.
# sealed: the same, and once the run's own row is there none is added; they go only with the whole run.
# appended: rows are added, and never changed or taken away.
# chained: the same, and each row that is added follows on the last.
GUARDS: Final[dict[str, Guard]] = {
    "run": "kept",
    "blob": "kept",
    **dict.fromkeys((str(table.__tablename__) for table in (RunFile, *ROWS)), "sealed"),
    "audit": "chained",
    "decision": "appended",
    **dict.fromkeys(("problem_answer", "visit_record", "criterion_record"), "appended"),
    **dict.fromkeys(("preparation", "signature", "edition"), "appended"),
}

_SAYS: Final = {
    "update": "what is kept in {table} may not be changed",
    "delete": "what is kept in {table} may not be taken away",
    "insert": "{table}: the run is sealed, nothing can be added to it",
    "replace": "{table}: this is kept already, and may not be replaced",
    "truncate": "{table} may not be emptied",
    "break": "{table}: the row does not follow on the last",
}
_FOLLOWS: Final = f"""NEW.seq = (SELECT coalesce(max(seq), 0) + 1 FROM audit)
  AND NEW.previous_hash = coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '{GENESIS}')"""  # noqa: S608
_FUNCTIONS: Final = {
    "crosscheck_refuse": "BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END",
    "crosscheck_refuse_sealed": """BEGIN
  IF EXISTS (SELECT 1 FROM touched JOIN run ON run.number = touched.run) THEN
    RAISE EXCEPTION '%', TG_ARGV[0];
  END IF;
  RETURN NULL;
END""",
    "crosscheck_refuse_unchained": f"""BEGIN
  PERFORM pg_advisory_xact_lock({AUDIT_LOCK});
  IF {_FOLLOWS} THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '%', TG_ARGV[0];
END""",
}


def protect(connection: sa.Connection) -> None:
    """Make every trigger of the tables that there are, in place of those that there were."""
    release(connection)
    if connection.dialect.name == "postgresql":
        for name, body in _FUNCTIONS.items():
            connection.exec_driver_sql(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$".replace("%", "%%")
            )
    for statement in _wanted(connection).values():
        connection.exec_driver_sql(statement)


def release(connection: sa.Connection) -> None:
    """Take all triggers away, for a migration alone: they stand again before it is committed."""
    for name, (table, _) in _present(connection).items():
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER {name}{on}")
    if connection.dialect.name == "postgresql":
        for function in _FUNCTIONS:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}() CASCADE")  # switched-off triggers too


def missing_triggers(connection: sa.Connection) -> list[str]:
    """The triggers that are not there, are switched off, or do not say what they should; none if all is well."""
    said = {name: text for name, (_, text) in _present(connection).items()}
    missing = sorted(name for name, statement in _wanted(connection).items() if said.get(name) != statement)
    if connection.dialect.name == "sqlite":
        return missing
    bodies = connection.execute(
        sa.text("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'crosscheck!_%' ESCAPE '!'")
    )
    return missing + [f"function {name}" for name, body in bodies if _FUNCTIONS.get(name) not in (None, body)]


@contextmanager
def unsealed(connection: sa.Connection) -> Iterator[None]:
    """Let a run's rows in quickly, within the transaction that ends with the run's own row.

    SQLite asks a trigger at every row, which takes longer than the row: the triggers on adding are gone meanwhile, seen
    by nobody else, and are back, or were never gone, when the transaction ends. PostgreSQL asks once a statement.
    """
    seals = {name: sql for name, sql in _wanted(connection).items() if name.endswith("_no_insert")}
    if connection.dialect.name == "postgresql":
        seals = {}
    for name in seals:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for statement in seals.values():
        connection.exec_driver_sql(statement)


def _wanted(connection: sa.Connection) -> dict[str, str]:
    """The statement that makes each trigger, by its name, for the tables that there are."""
    there = set(sa.inspect(connection).get_table_names())
    write = _for_postgresql if connection.dialect.name == "postgresql" else _for_sqlite
    return {
        f"{table}_no_{what}": statement
        for table, guard in GUARDS.items()
        if table in there
        for what, statement in write(table, guard).items()
    }


def _for_sqlite(table: str, guard: Guard) -> dict[str, str]:
    """SQLite replaces a row without asking the trigger on its deletion, so that is refused by itself."""
    sealed = "WHEN EXISTS (SELECT 1 FROM run WHERE number = {row}.run)"
    events = {"update": "UPDATE"}
    if guard == "sealed":
        events |= {"insert": f"INSERT|{sealed.format(row='NEW')}", "delete": f"DELETE|{sealed.format(row='OLD')}"}
    else:
        same = " OR ".join(" AND ".join(f"{name} = NEW.{name}" for name in key) for key in _keys(table))
        events["replace"] = f"INSERT|WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  # names of our own
    if guard in ("appended", "chained"):
        events["delete"] = "DELETE"
    if guard == "chained":
        events["break"] = f"INSERT|WHEN ({_FOLLOWS}) IS NOT TRUE"
    return {
        what: f"CREATE TRIGGER {table}_no_{what} BEFORE {on.split('|')[0]} ON {table} {on.partition('|')[2]} "
        f"BEGIN SELECT RAISE(ABORT, '{_SAYS[what].format(table=table)}'); END"
        for what, on in events.items()
    }


def _for_postgresql(table: str, guard: Guard) -> dict[str, str]:
    events = {"update": "BEFORE UPDATE", "truncate": "BEFORE TRUNCATE"}
    if guard == "sealed":
        events |= {"insert": "AFTER INSERT|NEW", "delete": "AFTER DELETE|OLD"}
    if guard in ("appended", "chained"):
        events["delete"] = "BEFORE DELETE"
    statements = {}
    for what, on in events.items():
        event, _, rows = on.partition("|")
        touched = f"REFERENCING {rows} TABLE AS touched " if rows else ""
        function = "crosscheck_refuse_sealed" if rows else "crosscheck_refuse"
        statements[what] = (
            f"CREATE TRIGGER {table}_no_{what} {event} ON {table} {touched}FOR EACH STATEMENT "
            f"EXECUTE FUNCTION {function}('{_SAYS[what].format(table=table)}')"
        )
    if guard == "chained":
        statements["break"] = (
            f"CREATE TRIGGER {table}_no_break BEFORE INSERT ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION crosscheck_refuse_unchained('{_SAYS['break'].format(table=table)}')"
        )
    return statements


def _keys(table: str) -> list[list[str]]:
    """Every set of columns by which a row is told from all others."""
    of_table = Kept.metadata.tables[table]
    unique = [constraint for constraint in of_table.constraints if isinstance(constraint, sa.UniqueConstraint)]
    return sorted([column.name for column in constraint.columns] for constraint in (of_table.primary_key, *unique))


def _present(connection: sa.Connection) -> dict[str, tuple[str, str]]:
    """The table and the text of every trigger of ours that is there and switched on."""
    if connection.dialect.name == "sqlite":
        events = (
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%!_no!_%' ESCAPE '!'"
        )
    else:
        events = """SELECT tgname, relname, replace(
                pg_get_triggerdef(pg_trigger.oid), format(' ON %I.', current_schema()), ' ON ') FROM pg_trigger
            JOIN pg_class ON pg_class.oid = tgrelid
            WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgname LIKE '%!_no!_%' ESCAPE '!'
            AND relnamespace = current_schema()::regnamespace"""
    return {name: (table, text) for name, table, text in connection.execute(sa.text(events))}
