"""Pointers to recordings, and what is left of a session that was deleted."""

import sqlalchemy as sa
from alembic import op

revision = "m0006_records"
down_revision = "m0005_exchanges"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("recordings", sa.JSON))
    op.execute("UPDATE sessions SET recordings = '[]'")
    op.create_table(
        "removed",
        sa.Column("session_id", sa.String(40), primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("conversation_id", sa.String(100)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.BigInteger, nullable=False),
        sa.Column("used_s", sa.Float, nullable=False),
        sa.Column("at_tavus", sa.Boolean, nullable=False),
    )
    op.create_index("removed_by_time", "removed", ["account", "created_at"])
    op.create_index("removed_by_token", "removed", ["account", "token"])
    op.create_index("removed_by_conversation", "removed", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("removed")
    op.drop_column("sessions", "recordings")
