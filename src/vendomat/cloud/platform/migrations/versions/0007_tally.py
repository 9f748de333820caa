"""Sums kept as events are read: vends by the hour, the settlement objective by five minutes, and its misses."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = {
    "tally_place": """
        merchant_id text PRIMARY KEY,
        xact        bigint NOT NULL DEFAULT 0,
        event_id    bigint NOT NULL DEFAULT 0,
        at          timestamptz
    """,
    "vend_hour": """
        merchant_id     text NOT NULL,
        machine_id      text NOT NULL,
        hour            timestamptz NOT NULL,
        started         integer NOT NULL CHECK (started >= ambiguous),
        ambiguous       integer NOT NULL CHECK (ambiguous >= 0),
        ambiguous_minor bigint NOT NULL CHECK (ambiguous_minor >= 0),
        PRIMARY KEY (merchant_id, machine_id, hour)
    """,
    "settlement_slot": """
        merchant_id text NOT NULL,
        slot_at     timestamptz NOT NULL,
        in_time     integer NOT NULL,
        late        integer NOT NULL,
        missed      integer NOT NULL,
        PRIMARY KEY (merchant_id, slot_at)
    """,
    "settlement_order": """
        merchant_id    text NOT NULL,
        order_id       text NOT NULL,
        machine_id     text NOT NULL,
        paid_at        timestamptz NOT NULL,
        units          integer NOT NULL,
        units_done     integer NOT NULL,
        outcome_at     timestamptz,
        settled_at     timestamptz,
        is_unreachable boolean NOT NULL,
        verdict        text NOT NULL CHECK (verdict IN ('open', 'late', 'missed')),
        slot_at        timestamptz,
        PRIMARY KEY (merchant_id, order_id),
        CHECK ((slot_at IS NULL) = (verdict = 'open'))
    """,
}
_INDEXES = (
    "CREATE INDEX vend_hour_ambiguous ON vend_hour (merchant_id, hour) WHERE ambiguous > 0 AND machine_id <> ''",
    "CREATE INDEX settlement_order_open ON settlement_order (paid_at) WHERE verdict = 'open'",
    "CREATE INDEX settlement_order_missed ON settlement_order (merchant_id, slot_at DESC, order_id DESC) "
    "WHERE verdict <> 'open'",
)
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """Every event that the outbox still holds is read once from the beginning."""
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    for index in _INDEXES:
        op.execute(index)
