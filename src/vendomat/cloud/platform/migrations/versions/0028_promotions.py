"""Promotions, what they gave to which order, and what each unit costs less than its list price."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = {
    "promotion": """
        merchant_id  text NOT NULL REFERENCES merchant,
        promotion_id text NOT NULL,
        name         text NOT NULL,
        rule         jsonb NOT NULL,
        state        text NOT NULL CHECK (state IN ('draft', 'active', 'ended')),
        version      integer NOT NULL DEFAULT 1,
        starts_at    timestamptz,
        ends_at      timestamptz,
        money_max    bigint CHECK (money_max > 0),
        uses_max     bigint CHECK (uses_max > 0),
        taken_minor  bigint NOT NULL DEFAULT 0 CHECK (taken_minor >= 0),
        taken_uses   bigint NOT NULL DEFAULT 0 CHECK (taken_uses >= 0),
        has_budget   boolean GENERATED ALWAYS AS (money_max IS NOT NULL OR uses_max IS NOT NULL) STORED,
        created_at   timestamptz NOT NULL,
        changed_at   timestamptz NOT NULL,
        changed_by   text NOT NULL,
        PRIMARY KEY (merchant_id, promotion_id),
        CHECK (taken_minor <= money_max),
        CHECK (taken_uses <= uses_max)
    """,
    "promotion_use": """
        merchant_id  text NOT NULL,
        order_id     text NOT NULL,
        promotion_id text NOT NULL,
        off_minor    bigint NOT NULL CHECK (off_minor > 0),
        units        jsonb NOT NULL,
        state        text NOT NULL CHECK (state IN ('reserved', 'confirmed', 'released')),
        at           timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, order_id, promotion_id),
        FOREIGN KEY (merchant_id, order_id) REFERENCES sale_order,
        FOREIGN KEY (merchant_id, promotion_id) REFERENCES promotion
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE INDEX promotion_active ON promotion (merchant_id) WHERE state = 'active'",
    "CREATE INDEX promotion_use_promotion ON promotion_use (merchant_id, promotion_id)",
    "GRANT SELECT ON promotion, promotion_use TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON promotion, promotion_use TO vendomat_hot",
)
_ORDERS = (
    "ALTER TABLE sale_order ADD COLUMN discount_minor bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0), "
    "ADD COLUMN price_mark text NOT NULL DEFAULT ''",
    "ALTER TABLE vend_unit ADD COLUMN off_minor bigint NOT NULL DEFAULT 0 CHECK (off_minor >= 0)",
)


def upgrade() -> None:
    """A budget can never be overspent: the table refuses it. Only promotions with one count what they gave."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for statement in _ORDERS:
        await_only(driver.execute(statement))
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
