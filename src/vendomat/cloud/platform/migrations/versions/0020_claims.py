"""What buyers claim about their orders, and each word they said; words are only ever added."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TABLES = {
    "claim": """
        merchant_id text NOT NULL,
        order_id    text NOT NULL,
        machine_id  text NOT NULL,
        payer       text NOT NULL DEFAULT '',
        state       text NOT NULL CHECK (state IN ('opened', 'reopened', 'granted', 'declined', 'refused')),
        opened_at   timestamptz NOT NULL,
        since       timestamptz NOT NULL CHECK (since >= opened_at),
        words       integer NOT NULL CHECK (words >= 1),
        refund_id   text NOT NULL DEFAULT '',
        decided_by  text NOT NULL DEFAULT '',
        decided_at  timestamptz,
        reason      text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, order_id),
        FOREIGN KEY (merchant_id, order_id) REFERENCES sale_order,
        CHECK ((state = 'granted') = (refund_id <> '')),
        CHECK ((state IN ('opened', 'reopened')) = (decided_at IS NULL)),
        CHECK ((decided_at IS NULL) = (decided_by = '')),
        CHECK ((decided_at IS NULL) = (reason = ''))
    """,
    "claim_word": """
        merchant_id text NOT NULL,
        order_id    text NOT NULL,
        word_id     text NOT NULL,
        what        text NOT NULL CHECK (what IN ('nothing_came', 'not_all_came', 'wrong_goods', 'bad_goods',
            'paid_twice', 'other')),
        units       integer[] NOT NULL,
        said        text NOT NULL,
        at          timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, order_id, word_id),
        FOREIGN KEY (merchant_id, order_id) REFERENCES claim
    """,
}
_INDEXES = (
    "CREATE INDEX claim_open ON claim (merchant_id, since) WHERE state IN ('opened', 'reopened')",
    "CREATE INDEX claim_machine ON claim (merchant_id, machine_id, opened_at)",
    "CREATE INDEX claim_payer ON claim (merchant_id, payer, opened_at) WHERE payer <> ''",
    "CREATE INDEX claim_newest ON claim (opened_at)",
    "CREATE INDEX claim_granted ON claim (decided_at) WHERE state = 'granted'",
)
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT{', UPDATE' if table == 'claim' else ''} ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    for index in _INDEXES:
        op.execute(index)
    op.execute(
        "CREATE TRIGGER claim_word_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON claim_word "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
