"""Cash that machines tell of: orders they sold by themselves, and counts of their boxes."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_COUNT = """
CREATE TABLE cash_count (
    merchant_id    text NOT NULL,
    machine_id     text NOT NULL,
    epoch          bigint NOT NULL,
    seq            bigint NOT NULL,
    expected_minor bigint NOT NULL CHECK (expected_minor >= 0),
    counted_minor  bigint NOT NULL CHECK (counted_minor >= 0),
    currency       text NOT NULL,
    at             timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, machine_id, epoch, seq)
)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """A count is a machine's word: people of a merchant read it, and nobody changes it."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE sale_order DROP CONSTRAINT sale_order_origin_check, "
            "ADD CONSTRAINT sale_order_origin_check CHECK (origin IN ('touch', 'code', 'top_up', 'cash'))"
        )
    )
    op.execute(_COUNT)
    op.execute("ALTER TABLE cash_count ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE cash_count FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON cash_count TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON cash_count TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON cash_count TO vendomat_merchant")
    op.execute("GRANT SELECT, INSERT ON cash_count TO vendomat_hot")
