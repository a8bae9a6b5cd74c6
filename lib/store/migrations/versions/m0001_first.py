"""Agents, sessions and their record; the random prefix and secret that make this database's calls its own."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "m0001_first"
down_revision = None


def upgrade() -> None:
    meta = op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.bulk_insert(
        meta,
        [
            {"key": "prefix", "value": "gr" + secrets.token_hex(3)},
            {"key": "callback_secret", "value": secrets.token_hex(32)},
        ],
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("persona_id", sa.String(100), nullable=False),
        sa.Column("replica_id", sa.String(100), nullable=False),
        sa.Column("call", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
    )
    op.create_index("agents_by_account", "agents", ["account", "created_at"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("agent_id", sa.String(40), nullable=False),
        sa.Column("agent_name", sa.Text, nullable=False),
        sa.Column("persona_id", sa.String(100), nullable=False),
        sa.Column("persona_name", sa.Text, nullable=False),
        sa.Column("replica_id", sa.String(100), nullable=False),
        sa.Column("persona", sa.JSON, nullable=False),
        sa.Column("mode", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("conversation_name", sa.String(200), nullable=False, unique=True),
        sa.Column("conversation_id", sa.String(100), unique=True),
        sa.Column("conversation_url", sa.Text, nullable=False),
        sa.Column("max_call_s", sa.Integer, nullable=False),
        sa.Column("private_room", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("waiting_at", sa.BigInteger),
        sa.Column("live_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("reason_code", sa.String(60), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reason_hint", sa.Text, nullable=False),
        sa.Column("end_code", sa.String(100), nullable=False),
        sa.Column("end_reason", sa.Text, nullable=False),
        sa.Column("transcript_at", sa.BigInteger),
        sa.Column("perception", sa.Text, nullable=False),
        sa.UniqueConstraint("account", "token", name="sessions_one_per_token"),
    )
    op.create_index("sessions_by_time", "sessions", ["account", "created_at", "id"])
    op.create_index("sessions_by_status", "sessions", ["account", "status"])
    op.create_table(
        "turns",
        sa.Column("session_id", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("source", sa.String(20), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("duration_s", sa.Float),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("session_id", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("events_by_session", "events", ["session_id", "at"])


def downgrade() -> None:
    for table in ("events", "turns", "sessions", "agents", "meta"):
        op.drop_table(table)
