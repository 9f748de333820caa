"""Refunds that the buyer's account could not take: where somebody wants them sent, and whether they came back to us."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE refund
    ADD COLUMN send_to text NOT NULL DEFAULT '' CHECK (send_to ~ '^(|merchant|card:[0-9]{4})$'),
    ADD COLUMN send_asked_by text NOT NULL DEFAULT '',
    ADD COLUMN came_back text NOT NULL DEFAULT '' CHECK (came_back IN ('', 'bank', 'balance')),
    ADD CHECK ((send_to = '') = (send_asked_by = '')),
    ADD CHECK (send_to = '' OR state = 'failed'),
    ADD CHECK (came_back = '' OR (state = 'failed' AND hand_way = ''))
"""


def upgrade() -> None:
    """Of a card that a refund is to go to, the last four digits are kept, and only while a second person is due."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(_COLUMNS))
