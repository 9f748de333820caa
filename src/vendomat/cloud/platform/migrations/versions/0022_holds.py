"""Money that is held first and taken after the goods."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A hold wins an order while nothing of it is taken, and may have ended without that."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE payment ADD COLUMN is_hold boolean NOT NULL DEFAULT false, "
            "ADD COLUMN capture_minor bigint NOT NULL DEFAULT 0 CHECK (capture_minor >= 0), "
            "DROP CONSTRAINT payment_state_check, DROP CONSTRAINT payment_check, "
            "ADD CONSTRAINT payment_state_check CHECK (state IN ('created', 'unknown', 'held', 'paid', 'closed') "
            "AND (state <> 'held' OR is_hold)), "
            "ADD CONSTRAINT payment_check CHECK (state = 'paid' OR captured_minor = 0), "
            "ADD CONSTRAINT payment_winning_check CHECK (NOT is_winning OR state = 'paid' "
            "OR (is_hold AND state IN ('held', 'closed'))), "
            "ADD CONSTRAINT payment_capture_check CHECK (capture_minor = 0 OR (is_hold AND is_winning "
            "AND NOT close_wanted))"
        )
    )
