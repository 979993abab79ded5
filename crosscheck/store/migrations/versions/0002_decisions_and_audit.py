"""Decisions, and the audit trail that tells of all that is done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of decisions and of the audit trail."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_previous_hash")),
    )
    op.create_table(
        "decision",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_decision_run_run"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_decision_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", "org_code", "function", "version", name=op.f("pk_decision")),
        sa.UniqueConstraint("seq", name=op.f("uq_decision_seq")),
    )


def downgrade() -> None:
    """Take them away, with all that they hold."""
    op.drop_table("decision")
    op.drop_table("audit")
