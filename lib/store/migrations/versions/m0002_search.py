"""What was said, searchable; lists by agent, state and mode in the order of time."""

import sqlalchemy as sa
from alembic import op

from lib.store.schema import SearchWords
from lib.store.tokens import document

revision = "m0002_search"
down_revision = "m0001_first"

INDEXES = {
    "sessions_by_agent": ["account", "agent_id", "created_at", "id"],
    "sessions_by_status": ["account", "status", "created_at", "id"],
    "sessions_by_mode": ["account", "mode", "created_at", "id"],
}
ADDED = "INSERT INTO search_index (rowid, words) VALUES (new.number, new.words);"
REMOVED = "INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', old.number, old.words);"
HANDED_ON = {
    "search_added AFTER INSERT": ADDED,
    "search_removed AFTER DELETE": REMOVED,
    "search_changed AFTER UPDATE OF words": REMOVED + ADDED,
}
PORTION = 500


def upgrade() -> None:
    op.drop_index("sessions_by_status", "sessions")
    for name, columns in INDEXES.items():
        op.create_index(name, "sessions", columns)
    sqlite = op.get_bind().dialect.name == "sqlite"
    search = op.create_table(
        "search",
        sa.Column("number", sa.Integer if sqlite else sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "session_id", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, unique=True
        ),
        sa.Column("words", SearchWords, nullable=False),
    )
    if sqlite:
        op.execute(
            "CREATE VIRTUAL TABLE search_index USING fts5("
            "words, content='search', content_rowid='number', tokenize='ascii', columnsize=0)"
        )
        for when, then in HANDED_ON.items():
            op.execute(f"CREATE TRIGGER {when} ON search BEGIN {then} END")
    fill(op.get_bind(), search)
    if not sqlite:
        # Without a list of pending entries, which every search would read through.
        op.execute("CREATE INDEX search_by_words ON search USING gin (words) WITH (fastupdate = off)")


def fill(connection: sa.Connection, search: sa.Table) -> None:
    """Index what is there, in portions."""
    number, last = 0, (-1, "")
    while True:
        found = connection.execute(SESSIONS, {"at": last[0], "id": last[1], "size": PORTION}).all()
        if not found:
            return
        said: dict[str, list[str]] = {row.id: [row.agent_name] for row in found}
        for session_id, content in connection.execute(TURNS, {"ids": list(said)}):
            said[session_id].append(content)
        rows = []
        for row in found:
            number = max(number + 1, row.created_at)
            rows.append({"number": number, "session_id": row.id, "words": document(said[row.id])})
        connection.execute(sa.insert(search), rows)
        last = (found[-1].created_at, found[-1].id)


SESSIONS = sa.text(
    "SELECT id, agent_name, created_at FROM sessions WHERE (created_at, id) > (:at, :id) "
    "ORDER BY created_at, id LIMIT :size"
)
TURNS = sa.text(
    "SELECT session_id, content FROM turns WHERE session_id IN :ids AND role <> 'system' "
    "ORDER BY session_id, source DESC, seq"
).bindparams(sa.bindparam("ids", expanding=True))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    op.drop_table("search")
    for name in INDEXES:
        op.drop_index(name, "sessions")
    op.create_index("sessions_by_status", "sessions", ["account", "status"])
