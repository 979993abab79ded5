"""Outcomes of visits: what assessors found and saw, recorded from their forms, with who recorded it and when.

Nothing that was recorded is changed: a correction is a further record, which says what it corrects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import polars as pl
import sqlalchemy as sa

from crosscheck.collection.outcome_form import BETWEEN_REMARKS
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import OutcomeError
from crosscheck.store import audit
from crosscheck.store.decisions import list_current_decisions
from crosscheck.store.runs import look_up
from crosscheck.store.tables import Audit, CriterionRecord, Kept, Listing, VisitRecord
from crosscheck.visits.seal import describe_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.outcome_form import Outcomes
    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun

_audit, _visit, _criterion, _listing = (
    Kept.metadata.tables[str(table.__tablename__)] for table in (Audit, VisitRecord, CriterionRecord, Listing)
)
_DECLARATION: Final = ("org_code", "function")
_CRITERION: Final = (*_DECLARATION, "question_id", "item")
_SAID: Final = {"visited_on": pl.Date(), "finding": pl.String(), "assessor": pl.String()}
_NOTE: Final = {"number": pl.Int64(), "note": pl.String()}
_RECORD: Final = {"number": pl.Int64(), "who": pl.String(), "at": pl.String()}
_VISITS: Final = pl.Schema({**dict.fromkeys(_DECLARATION, pl.String()), **_SAID, **_RECORD})
_CRITERIA: Final = pl.Schema({**dict.fromkeys((*_CRITERION, "seen"), pl.String()), **_RECORD})
_REMEDY: Final = "If it corrects that, say why in corrects; otherwise empty the row."


@dataclass(frozen=True)
class Recorded:
    """How many visits and criteria were recorded.

    Of both: how many correct a former record, how many repeat one and add a remark, and how many were known already.
    """

    visits: int
    criteria: int
    corrected: int
    remarked: int
    known: int


@dataclass(frozen=True)
class RunOutcomes:
    """What is recorded of the visits of a run.

    Attributes:
        visits: `inputs.INPUTS["visits"]`; `selected_by` is null where no arm of the run chose the declaration.
        criteria: `inputs.INPUTS["visit_items"]`.
    """

    visits: pl.DataFrame
    criteria: pl.DataFrame

    def chosen_by_an_arm(self, *, chosen: bool = True) -> RunOutcomes:
        """Those that an arm chose, which a collection takes; or those of which it can't say that nothing chose them."""
        by_arm = self.visits.filter(pl.col("selected_by").is_not_null())
        how: Literal["semi", "anti"] = "semi" if chosen else "anti"
        of_arm = [
            table.join(by_arm, on=_DECLARATION, how=how, maintain_order="left")
            for table in (self.visits, self.criteria)
        ]
        return RunOutcomes(*of_arm)


def record_outcomes(store: Store, run_id: str, outcomes: Outcomes, who: str) -> Recorded:
    """Record what forms say, all or nothing; what is recorded already is left as it is.

    A finding or criterion that differs from what stands is recorded only if its row says that it corrects it. A record
    without an assessor is completed by a form that says the same and names one; one that says the same with a remark
    that was not recorded is recorded again, with the remark.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        outcomes: as `collection.outcome_form.read_outcomes`.
        who: who records it.

    Raises:
        UnknownNameError: there is no such run.
        OutcomeError: something contradicts what was recorded, or criteria belong to a visit without a finding; all of
            it is named. Nothing was recorded.
        StoreError: who is empty.
    """
    with store.writing() as connection:
        audit.lock_trail(
            connection
        )  # two people who record at once: the second is held against what the first recorded
        run = look_up(connection, run_id)
        visits, criteria = read_visits(connection, run.number), read_criteria(connection, run.number)
        new_visits = _compare_visits(outcomes.visits, visits, _read_notes(connection, run.number, _visit, _DECLARATION))
        new_criteria = _compare_criteria(
            outcomes.criteria, criteria, _read_notes(connection, run.number, _criterion, _CRITERION)
        )
        if wrong := [*_contradictions(new_visits, new_criteria), *_without_finding(new_criteria, new_visits, visits)]:
            raise OutcomeError(wrong)
        _insert_visits(connection, run, new_visits.filter(~pl.col("known")), who)
        _insert_criteria(connection, run, new_criteria.filter(~pl.col("known")), who)
    both = pl.concat(frame.select("known", "same", "standing") for frame in (new_visits, new_criteria))
    new = both.filter(~pl.col("known"))
    return Recorded(
        visits=int((~new_visits["known"]).sum()),
        criteria=int((~new_criteria["known"]).sum()),
        corrected=new.filter(~pl.col("same") & pl.col("standing").is_not_null()).height,
        remarked=int(new["same"].sum()),
        known=int(both["known"].sum()),
    )


def read_visits(connection: sa.Connection, run: int) -> pl.DataFrame:
    """The visits of a run (by its number) that no record corrects, in the order of their days, then of recording.

    Returns:
        `org_code`, `function`, `visited_on`, `finding`, `assessor` (null where a record names none), `number`, `who`
        recorded it, and when (`at`, UTC).
    """
    wanted = sa.select(*(_visit.c[name] for name in (*_DECLARATION, *_SAID, "number")), _audit.c.who, _audit.c.at)
    rows = connection.execute(
        wanted.join(_audit, _audit.c.seq == _visit.c.seq).where(_visit.c.run == run, is_current())
    )
    return pl.DataFrame(rows.fetchall(), schema=_VISITS, orient="row").sort(*_DECLARATION, "visited_on", "number")


def is_current() -> sa.ColumnElement[bool]:
    """That no record of the same declaration corrects a record of a visit."""
    later = _visit.alias()
    same = [later.c[name] == _visit.c[name] for name in ("run", *_DECLARATION)]
    return ~sa.select(sa.literal(1)).where(*same, later.c.corrects == _visit.c.number).exists()


def read_criteria(connection: sa.Connection, run: int) -> pl.DataFrame:
    """What visits of a run (by its number) saw: the latest record of each criterion, in the columns of `_CRITERIA`."""
    wanted = sa.select(*(_criterion.c[name] for name in (*_CRITERION, "seen", "number")), _audit.c.who, _audit.c.at)
    rows = connection.execute(wanted.join(_audit, _audit.c.seq == _criterion.c.seq).where(_criterion.c.run == run))
    every = pl.DataFrame(rows.fetchall(), schema=_CRITERIA, orient="row").sort(*_CRITERION, "number")
    return every.unique(_CRITERION, keep="last", maintain_order=True)


def list_outcomes(store: Store, run_id: str) -> RunOutcomes:
    """What visits of a run found and saw, in the columns of a collection.

    Raises:
        UnknownNameError: there is no such run.
    """
    names = (*_DECLARATION, "selected_by", "inclusion_probability")
    with store.reading() as connection:
        run = look_up(connection, run_id)
        chosen = connection.execute(
            sa.select(*(_listing.c[name] for name in names)).where(_listing.c.run == run.number)
        )
        schema = {**dict.fromkeys(names[:3], pl.String()), "inclusion_probability": pl.Float64()}
        listed = pl.DataFrame(chosen.fetchall(), schema=schema, orient="row")
        visits, criteria = read_visits(connection, run.number), read_criteria(connection, run.number)
    latest = visits.unique([*_DECLARATION, "visited_on"], keep="last", maintain_order=True)
    of_run = {"year": pl.lit(run.year), "standard": pl.lit(run.standard)}
    is_random = pl.col("selected_by") == "random"
    with_arm = latest.join(listed, on=_DECLARATION, how="left", maintain_order="left").with_columns(
        inclusion_probability=pl.when(is_random).then("inclusion_probability"), **of_run
    )
    seen = criteria.with_columns(pl.col("item").replace("", None), **of_run)
    tables = [rows.select(INPUTS[name].schema.names()).sort(INPUTS[name].key[:4])
              for name, rows in (("visits", with_arm), ("visit_items", seen))]  # fmt: skip
    return RunOutcomes(*tables)


def list_rulings(store: Store, run_id: str) -> pl.DataFrame:
    """What people decided on declarations of a run, as it stands: `org_code`, `function`, `kind`, `decided_on`.

    Raises:
        UnknownNameError: there is no such run.
    """
    with store.reading() as connection:
        decided = list_current_decisions(connection, look_up(connection, run_id).number)
    rows = [(*(decision[name] for name in (*_DECLARATION, "kind")), decision["at"][:10]) for decision in decided]
    schema = dict.fromkeys((*_DECLARATION, "kind", "decided_on"), pl.String())
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("decided_on").str.to_date())


def _read_notes(connection: sa.Connection, run: int, table: sa.Table, key: tuple[str, ...]) -> pl.DataFrame:
    """All remarks and reasons that were ever recorded of one thing, in one text: the columns of the key, `notes`."""
    rows = connection.execute(
        sa.select(*(table.c[name] for name in (*key, "number", "note"))).where(table.c.run == run)
    )
    every = pl.DataFrame(rows.fetchall(), schema={**dict.fromkeys(key, pl.String()), **_NOTE}, orient="row")
    return (
        every.sort(*key, "number")
        .group_by(key, maintain_order=True)
        .agg(notes=pl.col("note").str.join(BETWEEN_REMARKS))
    )


def _compare_visits(said: pl.DataFrame, recorded: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """The visits of forms beside the record that stands: `standing` (its number), `same`, `known`, and what it says.

    `same` says that a record that stands says the same, `known` that it has the remark of the form, too.
    `may_be_recorded` says that the form may be recorded: nothing stands, it says that it corrects it, only completes it
    or adds a remark.
    """
    last = recorded.unique(_DECLARATION, keep="last", maintain_order=True)
    same = recorded.select(*_DECLARATION, *_SAID, of_same="number").unique([*_DECLARATION, *_SAID], keep="last")
    compared = (
        said.join(last, on=_DECLARATION, how="left", suffix="_standing", maintain_order="left")
        .join(same, on=[*_DECLARATION, *_SAID], how="left", maintain_order="left")
        .join(notes, on=_DECLARATION, how="left", maintain_order="left")
        .with_columns(same=pl.col("of_same").is_not_null(), number=pl.coalesce("of_same", "number"))
    )
    # Adding the assessor's name to a record that says the same contradicts nobody and needs no reason.
    completes = pl.all_horizontal(
        pl.col("assessor_standing").is_null(),
        *(pl.col(name) == pl.col(f"{name}_standing") for name in ("visited_on", "finding")),
    )
    recorded_as = pl.format(
        "{} on {} by assessor {}",
        "finding_standing",
        pl.col("visited_on_standing").dt.strftime("%-d %B %Y"),
        pl.col("assessor_standing").fill_null("–"),
    )
    return _mark_recordable(compared, completes, recorded_as)


def _compare_criteria(said: pl.DataFrame, recorded: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """The same of criteria."""
    compared = (
        said.with_columns(pl.col("item").fill_null(""))
        .join(recorded, on=_CRITERION, how="left", suffix="_standing", maintain_order="left")
        .join(notes, on=_CRITERION, how="left", maintain_order="left")
        .with_columns(same=pl.col("seen").eq_missing(pl.col("seen_standing")))
    )
    return _mark_recordable(compared, pl.lit(value=False), pl.col("seen_standing"))


def _mark_recordable(compared: pl.DataFrame, completes: pl.Expr, recorded_as: pl.Expr) -> pl.DataFrame:
    may = pl.col("number").is_null() | pl.col("corrects").is_not_null() | completes
    # A remark is known wherever it stands in what was ever recorded of the same, alone or among others.
    has_remark = pl.col("notes").str.contains(pl.col("remark"), literal=True).fill_null(value=False)
    note = pl.concat_str("corrects", "remark", separator=BETWEEN_REMARKS, ignore_nulls=True).replace("", None)
    return compared.with_columns(
        may_be_recorded=may.fill_null(value=False) | pl.col("same"),
        known=pl.col("same") & (pl.col("remark").is_null() | has_remark),
        recorded_as=recorded_as,
        standing=pl.col("number"),
        note=note,
    )


def _contradictions(visits: pl.DataFrame, criteria: pl.DataFrame) -> Iterator[str]:
    """Each row of a form that says otherwise than what was recorded, and does not say that it corrects it."""
    for column, frame in (("finding", visits), ("seen", criteria)):
        names = ("file", "row", column, "recorded_as", "who", "at")
        wrong = frame.filter(~pl.col("may_be_recorded")).sort("file", "row").select(names)
        for file, row, value, recorded_as, who, at in wrong.iter_rows():
            yield (
                f'{file}:{row}:{column} "{value}": contradicts what {who} recorded at {describe_moment(at)}: '
                f"{recorded_as}. {_REMEDY}"
            )


def _without_finding(criteria: pl.DataFrame, visits: pl.DataFrame, recorded: pl.DataFrame) -> Iterator[str]:
    """Criteria of a declaration for which neither these forms nor earlier ones say what the visit found."""
    found = pl.concat([visits.select(_DECLARATION), recorded.select(_DECLARATION)])
    first = criteria.join(found, on=_DECLARATION, how="anti").sort("file", "row").unique(
        ["file", *_DECLARATION], keep="first", maintain_order=True
    )  # fmt: skip
    for file, row, code, function in first.select("file", "row", *_DECLARATION).iter_rows():
        yield (
            f"{file}:{row}: criteria of {code} {function} are filled in, but no finding of the visit. "
            "Fill in day, assessor and finding in the row of the declaration, or send the form that has them as well."
        )


def _insert_visits(connection: sa.Connection, run: KeptRun, new: pl.DataFrame, who: str) -> None:
    """Each visit with its row in the audit trail, which says what it corrects and why."""
    for visit in new.to_dicts():
        note = visit["note"] or f"Outcome form {visit['file']}"
        row = {name: visit[name] for name in (*_DECLARATION, *_SAID)} | {"corrects": visit["standing"]}
        details = row | {"visited_on": visit["visited_on"].isoformat(), "note": note, "remark": visit["remark"]}
        subject = f"{run.run_id} {visit['org_code']} {visit['function']}"
        seq = audit.append(connection, who, "visit recorded", subject, details).seq
        key = [_visit.c.run == run.number, *(_visit.c[name] == visit[name] for name in _DECLARATION)]
        before = connection.execute(sa.select(sa.func.count()).select_from(_visit).where(*key)).scalar_one()
        row |= {"run": run.number, "number": before + 1, "note": audit.require_printable("note", note), "seq": seq}
        connection.execute(sa.insert(_visit).values(row))


def _insert_criteria(connection: sa.Connection, run: KeptRun, new: pl.DataFrame, who: str) -> None:
    """The criteria of each declaration with one row in the audit trail, which repeats them."""
    numbered = new.with_columns(pl.col("number").fill_null(0) + 1, pl.col("note").fill_null(""), run=pl.lit(run.number))
    columns = ("run", *_CRITERION, "number", "seen", "note")
    for (code, function), rows in numbered.group_by(_DECLARATION, maintain_order=True):
        criteria = rows.select(columns).to_dicts()
        details = [{name: row[name] for name in ("question_id", "item", "number", "seen", "note")} for row in criteria]
        subject = f"{run.run_id} {code} {function}"
        seq = audit.append(connection, who, "criteria recorded", subject, {"criteria": details}).seq
        connection.execute(sa.insert(_criterion), [row | {"seq": seq} for row in criteria])
