"""Goods that were reported after their unit had been decided otherwise."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute("ALTER TABLE vend_unit ADD COLUMN came_out_late boolean NOT NULL DEFAULT false"))
