"""Who sends a start and who asked for it, who watches a call, and which process sweeps."""

import sqlalchemy as sa
from alembic import op

revision = "m0004_ledger"
down_revision = "m0003_snapshots"


def upgrade() -> None:
    for name, length in (("owner", 120), ("actor", 200), ("watch", 10)):
        op.add_column("sessions", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("seen_at", sa.BigInteger))
    op.add_column("sessions", sa.Column("checking_until", sa.BigInteger))
    op.create_table(
        "leases",
        sa.Column("name", sa.String(240), primary_key=True),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("leases")
    for name in ("checking_until", "seen_at", "watch", "actor", "owner"):
        op.drop_column("sessions", name)
