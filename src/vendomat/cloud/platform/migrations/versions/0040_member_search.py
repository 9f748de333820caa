"""Members are found by the number of anything they bought."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """By the end of the order's number, which is also the reference that a buyer reads out."""
    op.execute("CREATE INDEX wallet_entry_order ON wallet_entry (merchant_id, right(order_id, 8)) WHERE order_id <> ''")
