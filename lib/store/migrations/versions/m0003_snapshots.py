"""Snapshots of personas: each state that was read or written."""

import sqlalchemy as sa
from alembic import op

revision = "m0003_snapshots"
down_revision = "m0002_search"


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("persona_id", sa.String(100), nullable=False),
        sa.Column("previous_id", sa.String(100), nullable=False),
        sa.Column("hash", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_index("snapshots_by_persona", "snapshots", ["account", "persona_id", "id", "origin"])
    op.create_index("snapshots_by_previous", "snapshots", ["account", "previous_id", "persona_id"])


def downgrade() -> None:
    op.drop_table("snapshots")
