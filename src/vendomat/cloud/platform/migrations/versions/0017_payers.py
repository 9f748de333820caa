"""Who paid, as a mark that names nobody: refunds to one payer are counted by it."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STATEMENTS = """
ALTER TABLE payment ADD COLUMN payer text NOT NULL DEFAULT '';
ALTER TABLE refund ADD COLUMN payer text NOT NULL DEFAULT '';
CREATE INDEX refund_payer ON refund (merchant_id, payer, requested_at) WHERE payer <> '';
"""


def upgrade() -> None:
    """Only refunds carry an index: they are few, and each sale is spared one."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(_STATEMENTS))
