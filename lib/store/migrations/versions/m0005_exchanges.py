"""What went to Tavus and what came from it, for the inspector."""

import sqlalchemy as sa
from alembic import op

revision = "m0005_exchanges"
down_revision = "m0004_ledger"


def upgrade() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("about", sa.String(100), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("ms", sa.Float),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), unique=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("exchanges_by_time", "exchanges", ["account", "at", "id"])
    op.create_index("exchanges_by_session", "exchanges", ["session_id", "at", "id"])


def downgrade() -> None:
    op.drop_table("exchanges")
