"""What Tavus refuses to delete is set aside: how often it was tried, until when it waits, and why."""

import sqlalchemy as sa
from alembic import op

revision = "m0007_refused_deletions"
down_revision = "m0006_records"


def upgrade() -> None:
    op.add_column("removed", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("removed", sa.Column("again_at", sa.BigInteger))
    op.add_column("removed", sa.Column("refusal", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    for name in ("tries", "again_at", "refusal"):
        op.drop_column("removed", name)
