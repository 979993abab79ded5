"""Corrections: what of the replies somebody accepted, and the collection as it stands with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.answers import SCHEMA
from crosscheck.contract.reply_form import CORRECTION
from crosscheck.errors import ReplyError
from crosscheck.near_names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from crosscheck.collection.read import Collection

_ANSWER: Final = ("org_code", "question_id", "item")
_NAME_IN_REPLY: Final = {  # what a correction is called, and what a reply calls it
    "before": "your_answer", "after": "corrected_answer", "replied_on": "date",
    "accepted_by": "decided_by", "accepted_on": "decided_on",
}  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """Who accepts replies, when and why: for every reply that does not say so itself."""

    by: str | None = None
    on: date | None = None
    because: str | None = None


def choose_accepted(replies: pl.DataFrame, items: Sequence[str], decision: Decision) -> pl.DataFrame:
    """The replies that are accepted: those to the items named, else those of which the file says so.

    Args:
        replies: as `collection.replies` reads them, with `accepted`, `decided_by`, `decided_on` and `because`.
        items: items, in whatever case; empty to go by the file.
        decision: fills in what the file leaves empty.

    Returns:
        The accepted replies; each says who decided, when and why. Nothing is taken from a clock.

    Raises:
        ReplyError: nothing is accepted, an item has no reply, a reply asks for nothing, or a decision lacks a part.
    """
    folded = [item.strip().lower() for item in items]
    named = pl.col("item").str.to_lowercase().is_in(folded)
    filled = {"decided_by": decision.by, "decided_on": decision.on, "because": decision.because}
    accepted = replies.filter(named if folded else pl.col("accepted").fill_null(value=False)).with_columns(
        pl.coalesce(name, pl.lit(value, dtype=replies.schema[name])) for name, value in filled.items()
    )
    if wrong := list(_misgiven(accepted, items, sorted(replies["item"].unique()))):
        raise ReplyError(wrong)
    return accepted


def list_corrections(accepted: pl.DataFrame) -> pl.DataFrame:
    """The corrections among what was accepted, in the columns of `reply_form.CORRECTION`, by its key."""
    corrections = accepted.filter(pl.col("reply") == "correct").with_columns(**_NAME_IN_REPLY)
    return corrections.select(CORRECTION.schema.names()).sort(CORRECTION.key)


def correct(collection: Collection, accepted: pl.DataFrame) -> Collection:
    """The collection with every accepted correction in place of the answer before, or where there was none.

    Args:
        collection: as it was read; it stays as it is.
        accepted: as `choose_accepted` gives them; what is no correction changes nothing.
    """
    corrections = accepted.filter(pl.col("reply") == "correct").select(_kept_columns())
    corrected = (
        corrections.with_columns(item=pl.col("review").cast(SCHEMA["item"]))
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
        # Items that rest on one answer repeat its correction, and replies that contradict each other never come this
        # far.
        .unique(_ANSWER, keep="first", maintain_order=True)
    )
    answers = collection.tables["answers"]
    uncorrected = answers.join(corrected, on=_ANSWER, how="anti", maintain_order="left")
    together = pl.concat([uncorrected, corrected]).sort(_ANSWER)
    return replace(
        collection,
        tables={**collection.tables, "answers": together},
        doubts=_without_corrected(collection.doubts, corrected),
        corrections=(*collection.corrections, corrections),
    )


def _without_corrected(doubts: pl.DataFrame, corrected: pl.DataFrame) -> pl.DataFrame:
    """The doubts that are left: what an answer means is known once it was corrected."""
    review = pl.when(pl.col("item") > 0).then(pl.col("item").cast(pl.String)).otherwise(pl.lit(""))
    known = corrected.select("org_code", table=pl.lit("answers"), about="question_id", item=review)
    return doubts.join(known, on=["table", "org_code", "about", "item"], how="anti", maintain_order="left")


def _kept_columns() -> list[str]:
    """What is kept of an accepted reply: all that its correction says, and the answer as it is read."""
    said = [_NAME_IN_REPLY.get(name, name) for name in CORRECTION.schema.names()]
    return ["reply", *said, *(name for name in SCHEMA if name not in said), "review"]


def digest_corrections(accepted: pl.DataFrame) -> str:
    """The SHA-256 of the corrections among what was accepted at one time."""
    return hashlib.sha256(list_corrections(accepted).write_csv().encode()).hexdigest()


def _misgiven(accepted: pl.DataFrame, items: Sequence[str], replied_items: list[str]) -> Iterator[str]:
    """In words, everything that stands in the way."""
    there = {item.lower() for item in replied_items}
    for item in items:
        if item.strip().lower() not in there:
            near = suggest(item, replied_items)
            replied = ", ".join(replied_items) or "nothing"
            yield f"{item}: there is no reply to it.{near} There are replies to: {replied}."
    if accepted.is_empty() and not items:
        yield "No reply is accepted. Name items with --item, or write yes in the column accepted of replies.csv."
    idle = accepted.filter(pl.col("reply") == "agree")
    for item in idle["item"].unique().sort():
        yield f"{item}: the organisation agrees, so that there is nothing to accept. Leave it out."
    for name, option in {"decided_by": "--by", "decided_on": "--on", "because": "--because"}.items():
        if (accepted[name].cast(pl.String).fill_null("").str.strip_chars() == "").any():
            yield f"{name} is not said of every reply that is accepted. Give {option}, or fill in the column {name}."
