"""A draft may wait for a moment, at which it is published by itself."""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE planogram ADD COLUMN due_at timestamptz, ADD COLUMN due_by text NOT NULL DEFAULT '', "
        "ADD CHECK (due_at IS NULL OR draft IS NOT NULL), ADD CHECK ((due_at IS NULL) = (due_by = ''))"
    )
    op.execute("CREATE INDEX planogram_due ON planogram (due_at) WHERE due_at IS NOT NULL")
