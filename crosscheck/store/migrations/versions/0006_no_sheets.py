"""No sheets: what only a dossier read of a run lies in the run's own files, which are kept byte for byte anyway."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the table away: everything in it was made from files that stay."""
    op.drop_table("sheet")


def downgrade() -> None:
    """Make the table again, without rows: no command of any release reads them."""
    op.create_table(
        "sheet",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("last", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "first", name=op.f("pk_sheet")),
        sqlite_with_rowid=False,
    )
