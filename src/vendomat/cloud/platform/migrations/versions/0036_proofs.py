"""When the person of a session last proved who they are. Sessions from before have to, first."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operator_session ADD COLUMN proved_at timestamptz")
    op.execute("GRANT UPDATE (proved_at) ON operator_session TO vendomat_merchant")
