"""Bills of payment platforms, and what a reconciliation with them found: only what differs is kept as rows."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PLACE = "merchant_id text NOT NULL, channel text NOT NULL, account text NOT NULL, day date NOT NULL"
_TABLES = {
    "bill_file": f"""
        {_PLACE},
        kind       text NOT NULL CHECK (kind IN ('trade', 'fund_flow')),
        state      text NOT NULL CHECK (state IN ('kept', 'empty', 'refused', 'unusable')),
        sha256     text NOT NULL DEFAULT '' CHECK (sha256 = '' OR sha256 ~ '^[0-9a-f]{{64}}$'),
        size_bytes bigint NOT NULL DEFAULT 0,
        rows       bigint NOT NULL DEFAULT 0,
        error      text NOT NULL DEFAULT '',
        fetched_at timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, channel, account, day, kind),
        CHECK ((sha256 <> '') = (state IN ('kept', 'unusable')))
    """,
    "recon_day": f"""
        {_PLACE},
        state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
        currency       text NOT NULL DEFAULT '',
        runs           integer NOT NULL DEFAULT 0,
        bill_rows      bigint NOT NULL DEFAULT 0,
        ok_rows        bigint NOT NULL DEFAULT 0,
        paid_minor     bigint NOT NULL DEFAULT 0,
        refunded_minor bigint NOT NULL DEFAULT 0,
        fee_minor      bigint NOT NULL DEFAULT 0,
        fee_txn        text NOT NULL DEFAULT '',
        beyond         bigint NOT NULL DEFAULT 0,
        opening_minor  bigint,
        closing_minor  bigint,
        note           text NOT NULL DEFAULT '',
        reconciled_at  timestamptz,
        closed_at      timestamptz,
        next_try_at    timestamptz,
        tries          integer NOT NULL DEFAULT 0,
        PRIMARY KEY (merchant_id, channel, account, day),
        CHECK ((state = 'closed') = (closed_at IS NOT NULL))
    """,
    "recon_item": f"""
        {_PLACE},
        item_id        text NOT NULL,
        subject        text NOT NULL,
        class          text NOT NULL CHECK (class IN ('long', 'short', 'amount', 'status', 'refund_long',
            'refund_short', 'fee', 'dup', 'timing', 'vend', 'fund')),
        fix            text NOT NULL,
        state          text NOT NULL CHECK (state IN ('open', 'explained', 'fixed')),
        bill_sha256    text NOT NULL DEFAULT '',
        bill_row       bigint NOT NULL DEFAULT 0,
        bill_status    text NOT NULL DEFAULT '',
        bill_at        timestamptz,
        bill_minor     bigint,
        fee_minor      bigint,
        our_state      text NOT NULL DEFAULT '',
        our_at         timestamptz,
        our_minor      bigint,
        currency       text NOT NULL DEFAULT '',
        payment_number text NOT NULL DEFAULT '',
        transaction_id text NOT NULL DEFAULT '',
        refund_number  text NOT NULL DEFAULT '',
        order_id       text NOT NULL DEFAULT '',
        posted_txn     text NOT NULL DEFAULT '',
        note           text NOT NULL DEFAULT '',
        run            integer NOT NULL,
        found_at       timestamptz NOT NULL,
        ended_at       timestamptz,
        ended_by       text NOT NULL DEFAULT '',
        reason         text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, item_id),
        UNIQUE (merchant_id, channel, account, day, subject),
        CHECK ((state = 'open') = (ended_at IS NULL)),
        CHECK (state = 'open' OR (ended_by <> '' AND reason <> ''))
    """,
    "fee_contract": """
        merchant_id text NOT NULL,
        channel     text NOT NULL,
        account     text NOT NULL,
        rate_ppm    integer NOT NULL CHECK (rate_ppm BETWEEN 0 AND 1000000),
        PRIMARY KEY (merchant_id, channel, account)
    """,
}
_INDEXES = (
    "CREATE INDEX recon_item_subject ON recon_item (merchant_id, subject)",
    "CREATE INDEX recon_item_order ON recon_item (merchant_id, order_id) WHERE order_id <> ''",
    "CREATE INDEX recon_day_due ON recon_day (next_try_at) WHERE next_try_at IS NOT NULL",
    # A day's payments are found by the platform's time. Rows lie in order of time, so an index of block ranges does,
    # and it costs the sale next to nothing.
    "CREATE INDEX payment_paid_range ON payment USING brin (paid_at) WITH (pages_per_range = 16, autosummarize = on)",
    "CREATE INDEX refund_ended_range ON refund USING brin (ended_at) WITH (pages_per_range = 16, autosummarize = on)",
)
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """People of a merchant read; the worker writes. A bill that was taken is never replaced by another."""
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    for index in _INDEXES:
        op.execute(index)
    op.execute(
        "CREATE FUNCTION bill_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF OLD.state IN ('kept', 'empty') AND NEW IS DISTINCT FROM OLD THEN "
        "RAISE EXCEPTION 'a bill that was taken stays as it is' USING ERRCODE = 'insufficient_privilege'; END IF; "
        "RETURN NEW; END $$"
    )
    op.execute("CREATE TRIGGER bill_stays BEFORE UPDATE ON bill_file FOR EACH ROW EXECUTE FUNCTION bill_stays()")
