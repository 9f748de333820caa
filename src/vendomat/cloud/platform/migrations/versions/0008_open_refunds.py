"""Refunds that have not succeeded are looked at again and again: they are few, and found without reading the rest."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute("CREATE INDEX refund_open ON refund (requested_at) WHERE state <> 'succeeded'"))
