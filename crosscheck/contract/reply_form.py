"""The form on which an organisation replies, what was read of it, and the corrections that were accepted."""

from __future__ import annotations

from typing import Final

from crosscheck.contract.table import ORG, Column, Table, optional

# What an organisation may say to an item that the regulator intends to rely on.
REPLIES: Final = ("agree", "correct", "explain", "no_reply")

_FORM: Final = (
    Column("item", "text", "what is relied on: organisation, check and function"),
    optional("check_id", "text", "the rule"),
    optional("functions", "text", "the declarations that it speaks of"),
    optional("what_we_intend_to_rely_on", "text", "the finding in words"),
    optional("expected", "text", "what the basis asks for"),
    optional("question", "text", "the question that it rests on; empty where an answer can't correct it"),
    optional("asked", "text", "the question's words"),
    optional("your_answer", "text", "the answer as the regulator has it"),
    optional("allowed_answers", "text", "what can be answered"),
    Column("reply", "choice", "the reply", may_be_empty=True, allowed=REPLIES),
    optional("corrected_answer", "text", "the answer as it should have been"),
    optional("evidence", "text", "what is enclosed to show it"),
    optional("remark", "text", "whatever else should be known"),
    optional("signed_by", "text", "who replies for the organisation"),
    optional("date", "date", "day of the reply"),
    Column("run", "text", "the run that the form belongs to"),
)

# The form that goes to an organisation and comes back, and what was read of several, on which decisions are written.
REPLY_FORM: Final = Table(
    "reply_form", "one item that the regulator intends to rely on, and one question that it rests on", _FORM,
    key=("item", "question"),
)  # fmt: skip

REPLY: Final = Table(
    "replies",
    "one reply to one item and question",
    (
        Column("item", "text", "what is replied to"),
        optional("org_code", "code", "the organisation's code"),
        optional("check_id", "text", "the rule"),
        optional("functions", "text", "the declarations that it speaks of"),
        optional("question", "text", "the question; empty where no answer can correct the item"),
        optional("your_answer", "text", "the answer as the regulator has it"),
        Column("reply", "choice", "the reply as understood", may_be_empty=True, allowed=REPLIES),
        optional("corrected_answer", "text", "the corrected answer as understood"),
        optional("reply_as_given", "text", "the reply as it stood in the form"),
        optional("corrected_answer_as_given", "text", "the corrected answer as it stood in the form"),
        optional("evidence", "text", "what is enclosed"),
        optional("remark", "text", "whatever else should be known"),
        optional("signed_by", "text", "who replied"),
        optional("date", "date", "day of the reply"),
        optional("accepted", "flag", "whether the regulator accepts it; empty while nobody has decided"),
        optional("decided_by", "text", "who decided"),
        optional("decided_on", "date", "day of the decision"),
        optional("because", "text", "why"),
        optional("form", "text", "the file that held it"),
        optional("form_row", "number", "its row there, as a person counts it"),
        Column("run", "text", "the run that the form belongs to"),
    ),
    key=("item", "question"),
)

CORRECTION: Final = Table(
    "corrections",
    "one answer that was corrected on one item's account",
    (
        ORG,
        Column("question", "text", "the question; of two reviews, with the review before it"),
        Column("item", "text", "the item that was replied to"),
        optional("before", "text", "the answer before"),
        Column("after", "text", "the answer since"),
        optional("evidence", "text", "what was enclosed"),
        optional("remark", "text", "what the organisation wrote"),
        optional("signed_by", "text", "who replied"),
        optional("replied_on", "date", "day of the reply"),
        Column("accepted_by", "text", "who accepted it"),
        Column("accepted_on", "date", "day of the decision"),
        Column("because", "text", "why it was accepted"),
    ),
    key=("org_code", "question", "item"),
)
