"""What was read of reply forms, kept in a folder on which decisions are written; nothing in it changes a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases.history import last_day
from crosscheck.collection.problems import describe_problems
from crosscheck.collection.replies import Replies, read_replies
from crosscheck.contract.reply_form import REPLY
from crosscheck.errors import ReplyError
from crosscheck.report.output.folder import sha256_of, written_whole
from crosscheck.report.output.tables import write_csv
from crosscheck.report.reply.reply_form import fill_forms
from crosscheck.runs.make_run import reply_key, standard_of_run
from crosscheck.runs.reply_items import list_reply_items
from crosscheck.runs.run_folder import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from crosscheck.contract.table import Table

REPLIES_MARK: Final = "replies.json"
REPLIES_FILE: Final = "replies.csv"
_NOTHING_TO_WAIVE: Final = "# {}: no rule differs here, so there is nothing to waive; take it into the decision.\n"
_SAID: Final = {
    "agree": "agree",
    "correct": "correct an answer",
    "explain": "explain",
}


def read_forms(run: Path, files: Sequence[Path], table: Table | None = None) -> Replies:
    """Read forms of a run, or (with `reply_form.REPLY`) what was read of them before, with decisions.

    Raises:
        RunError: there is no such run, or the rules here are others.
        ReplyError: as `collection.replies.read_replies`.
    """
    standard = standard_of_run(run)
    forms = fill_forms(run, *list_reply_items(run, standard), standard.questionnaire)
    asked = (forms, reply_key(run), standard.questionnaire)
    return read_replies(files, *asked, table) if table else read_replies(files, *asked)


def read_decisions(run: Path, places: Sequence[Path]) -> pl.DataFrame:
    """Read the replies that were kept, with what was decided since; each place is their folder, or the file.

    Raises:
        ReplyError: a row can't be used. Nothing is accepted of a file that is not understood whole.
    """
    files = [place / REPLIES_FILE if place.is_dir() else place for place in places]
    read = read_forms(run, files, REPLY)
    unusable = read.problems.filter(pl.col("effect") != "converted")
    if unusable.height:
        raise ReplyError(describe_problems(unusable))
    return read.replies


def write_replies(replies: Replies, run: Path, folder: Path) -> None:
    """Write `replies.csv`, `problems.csv`, and what they rest on; former replies at that place are replaced.

    Raises:
        RunError: the place holds something else, or can't be written.
        ReplyError: somebody has decided on the replies there, which would be lost.
    """
    refuse_decided(folder)
    with written_whole(folder, REPLIES_MARK, "set of replies") as whole:
        write_csv(replies.replies.select(REPLY.schema.names()), whole / REPLIES_FILE)
        write_csv(replies.problems, whole / "problems.csv")
        mark = {
            "run": reply_key(run),
            "files": [asdict(file) for file in replies.files],
            "sha256": sha256_of(whole / REPLIES_FILE),
            "replies": dict(_counts(replies)),
            "unanswered": replies.unanswered,
        }
        (whole / REPLIES_MARK).write_text(json.dumps(mark, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def refuse_decided(folder: Path) -> None:
    """Stop before any work if replies were kept at that place, and their file is no longer as it was written.

    Whatever was written into it since is a decision, in whatever state a spreadsheet left it.

    Raises:
        ReplyError: it is so.
    """
    file, mark = folder / REPLIES_FILE, folder / REPLIES_MARK
    if not (file.is_file() and mark.is_file()):
        return
    if json.loads(mark.read_text(encoding="utf-8"))["sha256"] != sha256_of(file):
        raise ReplyError(
            f"{file}: somebody has written decisions into it, which would be lost. Name another folder with --out; "
            "crosscheck reply accept takes several."
        )


def summarise_replies(replies: Replies) -> str:
    """What was said, by kind, and what was set aside, in some lines."""
    rows = sum(file.rows for file in replies.files)
    aside = rows - sum(file.rows_used for file in replies.files)
    counts, replied = dict(_counts(replies)), replies.replies.height
    lines = [
        f"READ  {rows:,} rows of {len(replies.files)} form(s): {replied:,} with a reply, {replies.unanswered:,} without"
    ]
    lines += [f"  {counts.get(kind, 0):>6,}  {words}" for kind, words in _SAID.items()]
    lines += [f"  {aside:>6,}  SET ASIDE"] if aside else []
    return "\n".join(lines)


def propose_waivers(run: Path, accepted: pl.DataFrame) -> str:
    """For every explanation that was accepted, the entry of `waivers.toml` that an assessor may adopt.

    An explanation changes no answer: whether its finding still weighs is a decision about a rule, and is written where
    those are. Of an item that rests on no rule a comment says that there is nothing to waive. Empty where nothing was
    explained.
    """
    year_ends = last_day(read_manifest(run).options.year)
    explained = accepted.filter(pl.col("reply") == "explain").unique("item", keep="first", maintain_order=True)
    has_rule = pl.col("check_id").fill_null("") != ""
    without_rule, of_rules = explained.filter(~has_rule)["item"], explained.filter(has_rule)
    return "\n".join((*map(_NOTHING_TO_WAIVE.format, without_rule), *_write_waivers(of_rules, year_ends)))


def _write_waivers(explained: pl.DataFrame, year_ends: date) -> Iterator[str]:
    return (
        line
        for reply in explained.to_dicts()
        for function in _functions(reply["functions"])
        for line in (
            "[[waiver]]",
            f"rule = {_quoted(reply['check_id'])}",
            f"org_code = {_quoted(reply['org_code'])}",
            f"function = {_quoted(function)}",
            f"decided_by = {_quoted(reply['decided_by'])}",
            f"decided_on = {reply['decided_on']}",
            f"why = {_quoted(reply['because'])}",
            # A waiver that ended before it was decided on would never count.
            f"until = {max(year_ends, reply['decided_on'])}",
            "",
        )
    )


def _functions(functions: str) -> list[str]:
    return functions.split(" and ")


def _quoted(text: str) -> str:
    """A text as TOML writes it; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _counts(replies: Replies) -> Iterator[tuple[str, int]]:
    yield from replies.replies.group_by("reply").len().sort("reply").iter_rows()
