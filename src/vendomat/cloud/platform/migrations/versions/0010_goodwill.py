"""Refunds that a person gives although nothing is owed: who gave them."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute("ALTER TABLE refund ADD COLUMN asked_by text NOT NULL DEFAULT ''"))
