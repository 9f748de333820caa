"""A person's requests for the bill of a day: asked of the platform again, or out of a file; with how far they came."""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE bill_request ("
        "merchant_id text NOT NULL, channel text NOT NULL, account text NOT NULL, day date NOT NULL, "
        "request_id text NOT NULL, "
        "kind text NOT NULL CHECK (kind IN ('', 'trade', 'fund_flow')), "
        "file_name text NOT NULL DEFAULT '', "
        "state text NOT NULL CHECK (state IN ('waiting', 'reading', 'matching', 'done', 'refused')), "
        "rows_read bigint NOT NULL DEFAULT 0, rows_matched bigint NOT NULL DEFAULT 0, "
        "problem text NOT NULL DEFAULT '', detail text NOT NULL DEFAULT '', "
        "asked_by text NOT NULL, asked_at timestamptz NOT NULL, "
        "tries integer NOT NULL DEFAULT 0, seen_at timestamptz NOT NULL, ended_at timestamptz, "
        "PRIMARY KEY (merchant_id, request_id), "
        "FOREIGN KEY (merchant_id, channel, account, day) REFERENCES recon_day, "
        "CHECK ((state IN ('done', 'refused')) = (ended_at IS NOT NULL)), "
        "CHECK ((state = 'refused') = (problem <> '')))"
    )
    op.execute("ALTER TABLE bill_request ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE bill_request FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON bill_request TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON bill_request TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON bill_request TO vendomat_hot")
    op.execute("GRANT SELECT ON bill_request TO vendomat_merchant")
    op.execute(
        "CREATE UNIQUE INDEX bill_request_open ON bill_request (merchant_id, channel, account, day) "
        "WHERE ended_at IS NULL"
    )
    op.execute("CREATE INDEX bill_request_of_day ON bill_request (merchant_id, channel, account, day, asked_at DESC)")
