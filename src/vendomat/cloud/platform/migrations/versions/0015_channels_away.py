"""A payment account may be out of reach: since when, and when somebody asks after it again."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payment_account ADD COLUMN away_since timestamptz, ADD COLUMN probe_at timestamptz")
    op.execute("GRANT UPDATE (away_since, probe_at) ON payment_account TO vendomat_hot")
