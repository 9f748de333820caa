"""Answers kept by the keys that requests carry."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """A key has a turn (no status) while the work is done, and its answer, sealed, after it."""
    op.execute(
        """CREATE TABLE kept_answer (
            merchant_id  text NOT NULL,
            key          text NOT NULL,
            request_hash bytea NOT NULL,
            turn_id     text NOT NULL,
            begun_at   timestamptz NOT NULL,
            status       integer CHECK (status BETWEEN 200 AND 299),
            media_type   text,
            sealed       bytea,
            PRIMARY KEY (merchant_id, key),
            CHECK (num_nulls(status, media_type, sealed) IN (0, 3))
        )"""
    )
    op.execute("ALTER TABLE kept_answer ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE kept_answer FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON kept_answer TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON kept_answer TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON kept_answer TO vendomat_merchant")
    op.execute("GRANT SELECT, DELETE ON kept_answer TO vendomat_hot")
