"""Ways to pay, managed by people: who changed an account and when, and what a single machine does not offer."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """A row of `machine_channel_off` takes a channel away from a machine; without one it offers all there is."""
    op.execute(
        "ALTER TABLE payment_account ADD COLUMN off_since timestamptz, ADD COLUMN changed_at timestamptz, "
        "ADD COLUMN changed_by text NOT NULL DEFAULT '', ADD CHECK (NOT is_active OR off_since IS NULL)"
    )
    op.execute("UPDATE payment_account SET off_since = now() WHERE NOT is_active")
    op.execute(
        "CREATE TABLE machine_channel_off (merchant_id text NOT NULL, machine_id text NOT NULL, channel text NOT NULL, "
        "PRIMARY KEY (merchant_id, machine_id, channel), FOREIGN KEY (merchant_id, machine_id) REFERENCES machine)"
    )
    op.execute("ALTER TABLE machine_channel_off ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE machine_channel_off FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY own_merchant ON machine_channel_off TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})"
    )
    op.execute("CREATE POLICY hot_path ON machine_channel_off TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, DELETE ON machine_channel_off TO vendomat_merchant")
    op.execute("GRANT SELECT ON machine_channel_off TO vendomat_hot")
