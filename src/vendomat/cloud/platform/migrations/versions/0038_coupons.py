"""Coupons, and which of them an order's promotion was taken with."""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_TABLES = {
    "coupon_batch": """
        merchant_id  text NOT NULL,
        batch_id     text NOT NULL,
        promotion_id text NOT NULL,
        word         text NOT NULL DEFAULT '',
        count        integer NOT NULL CHECK (count > 0),
        uses_each    integer NOT NULL CHECK (uses_each > 0),
        starts_at    timestamptz,
        ends_at      timestamptz,
        created_at   timestamptz NOT NULL,
        created_by   text NOT NULL,
        withdrawn_at timestamptz,
        PRIMARY KEY (merchant_id, batch_id),
        FOREIGN KEY (merchant_id, promotion_id) REFERENCES promotion,
        CHECK (word = '' OR count = 1)
    """,
    "coupon": """
        merchant_id text NOT NULL,
        coupon_id   text NOT NULL,
        batch_id    text NOT NULL,
        code_hash   bytea CHECK (length(code_hash) = 32),
        uses_max    integer NOT NULL CHECK (uses_max > 0),
        taken       integer NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND uses_max),
        PRIMARY KEY (merchant_id, coupon_id),
        UNIQUE (merchant_id, code_hash),
        FOREIGN KEY (merchant_id, batch_id) REFERENCES coupon_batch
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "ALTER TABLE promotion_use ADD COLUMN coupon_id text, ADD COLUMN is_coupon_back boolean NOT NULL DEFAULT false, "
    "ADD FOREIGN KEY (merchant_id, coupon_id) REFERENCES coupon, "
    "ADD CHECK (coupon_id IS NOT NULL OR NOT is_coupon_back)",
    "CREATE INDEX promotion_use_coupon ON promotion_use (merchant_id, coupon_id) WHERE coupon_id IS NOT NULL",
    "CREATE INDEX coupon_batch_promotion ON coupon_batch (merchant_id, promotion_id)",
    "CREATE INDEX coupon_of_batch ON coupon (merchant_id, batch_id)",
    "GRANT SELECT ON coupon_batch, coupon TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON coupon_batch, coupon TO vendomat_hot",
)


def upgrade() -> None:
    """A coupon never counts for more orders than it is for: the table refuses it. Without a hash it opens nothing."""
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
