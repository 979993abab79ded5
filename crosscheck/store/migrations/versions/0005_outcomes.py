"""Outcomes: who judged a visit and what its record corrects, and each criterion that a visit looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty for visits that are recorded already, and make the table."""
    op.add_column("visit_record", sa.Column("assessor", sa.String(), nullable=True))
    op.add_column("visit_record", sa.Column("corrects", sa.Integer(), nullable=True))
    op.create_table(
        "criterion_record",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("question_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_criterion_record_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["seq"], ["audit.seq"], name=op.f("fk_criterion_record_seq_audit"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint(
            "run", "org_code", "function", "question_id", "item", "number", name=op.f("pk_criterion_record")
        ),
    )


def downgrade() -> None:
    """Take them away, with all that they hold."""
    op.drop_table("criterion_record")
    op.drop_column("visit_record", "corrects")
    op.drop_column("visit_record", "assessor")
