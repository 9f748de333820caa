"""Open-door coolers: which machines are, the visits of buyers, and what they took."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLES = {
    "cooler": """
        merchant_id   text NOT NULL,
        machine_id    text NOT NULL,
        ceiling_minor bigint NOT NULL CHECK (ceiling_minor > 0),
        is_active     boolean NOT NULL,
        PRIMARY KEY (merchant_id, machine_id),
        FOREIGN KEY (merchant_id, machine_id) REFERENCES machine
    """,
    "cooler_visit": """
        merchant_id    text NOT NULL,
        visit_id       text NOT NULL,
        machine_id     text NOT NULL,
        request_id     text NOT NULL,
        channel        text NOT NULL,
        account        text NOT NULL,
        currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        ceiling_minor  bigint NOT NULL CHECK (ceiling_minor > 0),
        created_at     timestamptz NOT NULL,
        agree_by       timestamptz NOT NULL,
        state          text NOT NULL CHECK (state IN ('asked', 'offered', 'opening', 'completing', 'cancelling',
            'collecting', 'lowering', 'written_off', 'paid', 'ended', 'refused')),
        version        integer NOT NULL DEFAULT 1,
        payer          text NOT NULL DEFAULT '',
        agreement      text NOT NULL DEFAULT '',
        reason         text NOT NULL DEFAULT '',
        cmd_id         text NOT NULL DEFAULT '',
        command_state  text NOT NULL DEFAULT '' CHECK (command_state IN ('', 'queued', 'fencing', 'waiting', 'done')),
        queued_at      timestamptz,
        heard_at       timestamptz,
        epoch          bigint,
        nonce          text,
        nonce_at       timestamptz,
        door           text NOT NULL DEFAULT '',
        shut_at        timestamptz,
        owed_minor     bigint NOT NULL DEFAULT 0 CHECK (owed_minor >= 0),
        lower_minor    bigint NOT NULL DEFAULT 0 CHECK (lower_minor >= 0),
        paid_minor     bigint NOT NULL DEFAULT 0 CHECK (paid_minor >= 0),
        transaction_id text NOT NULL DEFAULT '',
        paid_at        timestamptz,
        tries          integer NOT NULL DEFAULT 0,
        next_try_at    timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, visit_id),
        UNIQUE (merchant_id, machine_id, request_id),
        FOREIGN KEY (merchant_id, machine_id) REFERENCES cooler,
        CHECK ((cmd_id = '') = (command_state = '')),
        CHECK (state NOT IN ('opening', 'completing', 'collecting', 'lowering', 'written_off', 'paid') OR cmd_id <> ''),
        CHECK (state <> 'paid' OR paid_minor = owed_minor),
        CHECK (owed_minor <= ceiling_minor)
    """,
    "cooler_good": """
        merchant_id text NOT NULL,
        visit_id    text NOT NULL,
        slot        text NOT NULL,
        product_id  text NOT NULL,
        name        text NOT NULL,
        price_minor bigint NOT NULL CHECK (price_minor > 0),
        taken       integer NOT NULL DEFAULT 0 CHECK (taken >= 0),
        given       integer NOT NULL DEFAULT 0 CHECK (given >= 0),
        evidence    text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, visit_id, slot),
        FOREIGN KEY (merchant_id, visit_id) REFERENCES cooler_visit
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE UNIQUE INDEX cooler_visit_shopping ON cooler_visit (merchant_id, machine_id) WHERE state = 'opening'",
    "CREATE INDEX cooler_visit_due ON cooler_visit (next_try_at) WHERE state NOT IN ('paid', 'ended', 'refused')",
    "CREATE INDEX cooler_visit_newest ON cooler_visit (merchant_id, created_at DESC, visit_id DESC)",
    "CREATE INDEX cooler_visit_transaction ON cooler_visit (merchant_id, transaction_id) WHERE transaction_id <> ''",
    "GRANT SELECT ON cooler, cooler_visit, cooler_good TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON cooler, cooler_visit, cooler_good TO vendomat_hot",
)


def upgrade() -> None:
    """At most one door of a machine is under way; a door's command and its sum stand in the visit's own row."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE stock_move DROP CONSTRAINT stock_move_kind_check, "
            "ADD CONSTRAINT stock_move_kind_check CHECK (kind IN ('loaded', 'delivered', 'adjusted', 'taken'))"
        )
    )
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
