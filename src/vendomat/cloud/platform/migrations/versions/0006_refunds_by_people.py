"""Refunds that a person lets go: held ones, and the next number after one that a platform gave up."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = """
ALTER TABLE refund ADD COLUMN approved_by text NOT NULL DEFAULT '';
ALTER TABLE refund DROP CONSTRAINT refund_state_check;
ALTER TABLE refund ADD CONSTRAINT refund_state_check
    CHECK (state IN ('requested', 'held', 'processing', 'unknown', 'succeeded', 'failed'));
CREATE INDEX refund_newest ON refund (merchant_id, requested_at);
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(_STATEMENTS))
