"""Publication: what is recorded before it, signatures, and editions that nothing changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of publication."""
    op.create_table(
        "edition",
        sa.Column("edition_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("standard", sa.String(), nullable=False),
        sa.Column("year", sa.String(), nullable=False),
        sa.Column("corrects", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sums", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("basis", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["corrects"], ["edition.edition_id"], name=op.f("fk_edition_corrects_edition"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_edition_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_edition_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_edition")),
        sa.UniqueConstraint("corrects", name=op.f("uq_edition_corrects")),
        sa.UniqueConstraint("seq", name=op.f("uq_edition_seq")),
    )
    op.create_index(op.f("ix_edition_run"), "edition", ["run"], unique=False)
    op.create_table(
        "preparation",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_preparation_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_preparation_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_preparation")),
        sa.UniqueConstraint("seq", name=op.f("uq_preparation_seq")),
    )
    op.create_table(
        "problem_answer",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_problem_answer_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_problem_answer_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", "place", name=op.f("pk_problem_answer")),
        sa.UniqueConstraint("seq", name=op.f("uq_problem_answer_seq")),
    )
    op.create_table(
        "signature",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_signature_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_signature_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", "digest", "person", name=op.f("pk_signature")),
        sa.UniqueConstraint("seq", name=op.f("uq_signature_seq")),
    )
    op.create_table(
        "visit_record",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_visit_record_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_visit_record_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", "org_code", "function", "number", name=op.f("pk_visit_record")),
        sa.UniqueConstraint("seq", name=op.f("uq_visit_record_seq")),
    )


def downgrade() -> None:
    """Take them away, with all that they hold."""
    op.drop_table("visit_record")
    op.drop_table("signature")
    op.drop_table("problem_answer")
    op.drop_table("preparation")
    op.drop_index(op.f("ix_edition_run"), table_name="edition")
    op.drop_table("edition")
