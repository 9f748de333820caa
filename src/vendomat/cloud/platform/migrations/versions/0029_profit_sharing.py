"""Profit sharing: which site owners are paid by the platform, how a statement was divided, and what became of it."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TABLES = {
    "site_receiver": """
        merchant_id text NOT NULL,
        site_id     text NOT NULL,
        channel     text NOT NULL,
        account     text NOT NULL,
        kind        text NOT NULL CHECK (kind IN ('merchant', 'person')),
        receiver    text NOT NULL CHECK (receiver <> ''),
        name        text NOT NULL DEFAULT '',
        ceiling_bp  integer NOT NULL CHECK (ceiling_bp BETWEEN 1 AND 10000),
        is_sharing  boolean NOT NULL,
        state       text NOT NULL CHECK (state IN ('asked', 'added')),
        error       text NOT NULL DEFAULT '',
        since       timestamptz NOT NULL,
        changed_at  timestamptz NOT NULL,
        changed_by  text NOT NULL,
        tries       integer NOT NULL DEFAULT 0,
        next_try_at timestamptz,
        PRIMARY KEY (merchant_id, site_id),
        FOREIGN KEY (merchant_id, site_id) REFERENCES site,
        CHECK (is_sharing OR next_try_at IS NULL)
    """,
    "share_plan": """
        merchant_id   text NOT NULL,
        site_id       text NOT NULL,
        position      integer NOT NULL,
        round         integer NOT NULL CHECK (round >= 1),
        wanted_minor  bigint NOT NULL CHECK (wanted_minor >= 0),
        given_minor   bigint NOT NULL CHECK (given_minor >= 0),
        missing_minor bigint NOT NULL CHECK (missing_minor = wanted_minor - given_minor),
        planned_at    timestamptz NOT NULL,
        planned_by    text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, site_id, position, round),
        FOREIGN KEY (merchant_id, site_id, position) REFERENCES site_statement
    """,
    "profit_share": """
        merchant_id    text NOT NULL,
        share_id       text NOT NULL,
        site_id        text NOT NULL,
        duty           text NOT NULL CHECK (duty IN ('give', 'free', 'take_back')),
        payment_id     text NOT NULL,
        transaction_id text NOT NULL CHECK (transaction_id <> ''),
        channel        text NOT NULL,
        account        text NOT NULL,
        kind           text NOT NULL CHECK (kind IN ('merchant', 'person')),
        receiver       text NOT NULL,
        currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        amount_minor   bigint NOT NULL CHECK (amount_minor >= 0 AND (amount_minor = 0) = (duty = 'free')),
        asked_at       timestamptz NOT NULL,
        may_until      timestamptz NOT NULL,
        position       integer NOT NULL,
        round          integer NOT NULL,
        of_share       text NOT NULL DEFAULT '' CHECK ((of_share <> '') = (duty = 'take_back')),
        asked_by       text NOT NULL DEFAULT '',
        stage          text NOT NULL CHECK (stage IN ('requested', 'unknown', 'processing', 'refused', 'succeeded',
            'closed')),
        error          text NOT NULL DEFAULT '',
        detail_number  text NOT NULL DEFAULT '',
        closed_at      timestamptz,
        ended_at       timestamptz CHECK ((ended_at IS NOT NULL) = (stage IN ('succeeded', 'closed'))),
        ended_by       text NOT NULL DEFAULT '',
        changed_at     timestamptz NOT NULL,
        tries          integer NOT NULL DEFAULT 0,
        next_try_at    timestamptz,
        PRIMARY KEY (merchant_id, share_id),
        FOREIGN KEY (merchant_id, site_id) REFERENCES site,
        FOREIGN KEY (merchant_id, payment_id) REFERENCES payment
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE UNIQUE INDEX profit_share_of_payment ON profit_share (merchant_id, payment_id) WHERE duty <> 'take_back'",
    "CREATE INDEX profit_share_due ON profit_share (next_try_at) WHERE next_try_at IS NOT NULL",
    "CREATE INDEX profit_share_of_site ON profit_share (merchant_id, site_id, position)",
    "CREATE INDEX profit_share_detail ON profit_share (merchant_id, detail_number) WHERE detail_number <> ''",
    "CREATE INDEX site_receiver_due ON site_receiver (next_try_at) WHERE next_try_at IS NOT NULL",
    "CREATE INDEX payment_shared_for ON payment (merchant_id, shared_for, paid_at) WHERE shared_for <> ''",
    "GRANT SELECT ON site_receiver, share_plan, profit_share TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON site_receiver, profit_share TO vendomat_hot",
    "GRANT SELECT, INSERT ON share_plan TO vendomat_hot",
)


def upgrade() -> None:
    """A payment is given from, or set free, under one number only; its row says for whom its money waits."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute("ALTER TABLE payment ADD COLUMN shared_for text NOT NULL DEFAULT ''"))
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
