"""Pools: in which of the three lists a declaration stands, which duties it admits, whether a visit can be made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ADDED = (("pool", sa.String()), ("duties_unmet", sa.Integer()), ("among_capacity", sa.Float()))


def upgrade() -> None:
    """Add the columns, empty in the runs that are kept already.

    Both databases add and take away a column in place. A copy of the table, as SQLite needs for other changes, would
    lose how its rows are laid out (`WITHOUT ROWID`).
    """
    for name, kind in _ADDED:
        op.add_column("listing", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Take them away, with all that they hold."""
    for name, _ in reversed(_ADDED):
        op.drop_column("listing", name)
