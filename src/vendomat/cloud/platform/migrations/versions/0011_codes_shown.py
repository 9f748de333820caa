"""A payment may be taken by a code the buyer shows: the way it goes, and the platform's last word for the buyer."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE payment ADD COLUMN way text NOT NULL DEFAULT 'qr' CHECK (way IN ('qr', 'code_scan')), "
            "ADD COLUMN said text NOT NULL DEFAULT ''"
        )
    )
