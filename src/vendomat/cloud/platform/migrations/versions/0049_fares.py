"""Promotions for groups of machines, ways to pay and tiers of members: prices of an order by how it is paid."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_COLUMNS = (
    "ALTER TABLE sale_order ADD COLUMN fares jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE payment ADD COLUMN tier text NOT NULL DEFAULT ''",
)
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    # What another way to pay may give beyond `off_minor` is kept from the budget until it is known how it was paid.
    "ALTER TABLE promotion_use DROP CONSTRAINT promotion_use_off_minor_check, "
    "ADD COLUMN more_minor bigint NOT NULL DEFAULT 0 CHECK (more_minor >= 0), "
    "ADD CHECK (off_minor > 0 OR off_minor = 0 AND (more_minor > 0 OR state = 'released'))",
    "CREATE TABLE member_tier (merchant_id text NOT NULL REFERENCES merchant, tier text NOT NULL CHECK (tier <> ''), "
    "from_minor bigint CHECK (from_minor >= 0), PRIMARY KEY (merchant_id, tier))",
    "ALTER TABLE member ADD COLUMN tier text, ADD FOREIGN KEY (merchant_id, tier) REFERENCES member_tier",
    "ALTER TABLE member_tier ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE member_tier FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY own_merchant ON member_tier TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})",
    "CREATE POLICY hot_path ON member_tier TO vendomat_hot USING (true) WITH CHECK (true)",
    "GRANT SELECT ON member_tier TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON member_tier TO vendomat_hot",
)


def upgrade() -> None:
    """A tier without `from_minor` is given by hand only. A tier that somebody was given by hand cannot go away."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for statement in _COLUMNS:
        await_only(driver.execute(statement))
    for statement in _MORE:
        op.execute(statement)
