"""Runs: what each made and what it rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of runs."""
    op.create_table(
        "answer",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("question_id", sa.String(), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.String(), nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("absence", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("run", "org_code", "question_id", "item", name=op.f("pk_answer")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "finding",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("waived", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("run", "org_code", "function", "check_id", name=op.f("pk_finding")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("standard", sa.String(), nullable=False),
        sa.Column("year", sa.String(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("crosscheck", sa.String(), nullable=False),
        sa.Column("inputs", sa.String(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("models", sa.String(), nullable=False),
        sa.Column("options", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_run")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_run_fingerprint")),
        sa.UniqueConstraint("run_id", name=op.f("uq_run_run_id")),
    )
    op.create_table(
        "sheet",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("last", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "first", name=op.f("pk_sheet")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "listing",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_code", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("org_type", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("declared", sa.String(), nullable=False),
        sa.Column("risk", sa.Float(), nullable=False),
        sa.Column("risk_low", sa.Float(), nullable=False),
        sa.Column("risk_high", sa.Float(), nullable=False),
        sa.Column("rank_low", sa.Integer(), nullable=False),
        sa.Column("rank_high", sa.Integer(), nullable=False),
        sa.Column("selected_by", sa.String(), nullable=True),
        sa.Column("inclusion_probability", sa.Float(), nullable=True),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("unknowns", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decibans", sa.Float(), nullable=False),
        sa.Column("among_first", sa.Float(), nullable=True),
        sa.Column("ahead_of_next", sa.Float(), nullable=True),
        sa.Column("visited", sa.String(), nullable=True),
        sa.Column("agrees", sa.Integer(), nullable=False),
        sa.Column("differs", sa.Integer(), nullable=False),
        sa.Column("cannot_tell", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["run.number"],
            name=op.f("fk_listing_run_run"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("run", "org_code", "function", name=op.f("pk_listing")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "problem",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("row", sa.String(), nullable=True),
        sa.Column("column", sa.String(), nullable=True),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("remedy", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["run.number"],
            name=op.f("fk_problem_run_run"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("run", "place", name=op.f("pk_problem")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_file",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["run.number"],
            name=op.f("fk_run_file_run_run"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_run_file_sha256_blob"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("run", "kind", "path", name=op.f("pk_run_file")),
    )
    op.create_index(op.f("ix_run_file_sha256"), "run_file", ["sha256"], unique=False)
    if op.get_context().dialect.name == "postgresql":
        for table in ("blob", "sheet"):  # compressed already: PostgreSQL would take long to try it in vain
            op.execute(f"ALTER TABLE {table} ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Take them away, with all that they hold."""
    op.drop_index(op.f("ix_run_file_sha256"), table_name="run_file")
    op.drop_table("run_file")
    op.drop_table("problem")
    op.drop_table("listing")
    op.drop_table("sheet")
    op.drop_table("run")
    op.drop_table("finding")
    op.drop_table("blob")
    op.drop_table("answer")
