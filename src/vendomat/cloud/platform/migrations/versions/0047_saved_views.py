"""Filters that people keep by name, each their own."""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE saved_view ("
        "merchant_id text NOT NULL, view_id text NOT NULL, operator_id text NOT NULL, page text NOT NULL, "
        "name text NOT NULL, query text NOT NULL, "
        "PRIMARY KEY (merchant_id, view_id), UNIQUE (merchant_id, operator_id, page, name), "
        "FOREIGN KEY (merchant_id, operator_id) REFERENCES operator)"
    )
    op.execute("ALTER TABLE saved_view ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE saved_view FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON saved_view TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON saved_view TO vendomat_merchant")
