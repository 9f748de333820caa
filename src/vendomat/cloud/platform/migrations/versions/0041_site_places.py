"""Where a site is, and when it is open."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was said of hours: every site is always open."""
    op.execute(
        "ALTER TABLE site ADD COLUMN address text NOT NULL DEFAULT '', ADD COLUMN opening jsonb NOT NULL DEFAULT '[]'"
    )
