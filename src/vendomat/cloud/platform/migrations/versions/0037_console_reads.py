"""What the console asks of very many rows: orders that are open or came to nothing, and ledger lines of a time.

Each costs the sale next to nothing: an order is in the first index only while it is open, mostly never in the second,
and lines are written in the order of their time, which is all that the third one notes.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest = "sale_order (merchant_id, created_at DESC, order_id DESC)"
    op.execute(f"CREATE INDEX sale_order_open ON {newest} WHERE ended_at IS NULL")
    op.execute(f"CREATE INDEX sale_order_nothing ON {newest} WHERE state IN ('expired', 'cancelled')")
    op.execute(
        "CREATE INDEX ledger_line_time ON ledger_line USING brin (posted_at) "
        "WITH (pages_per_range = 16, autosummarize = on)"
    )
