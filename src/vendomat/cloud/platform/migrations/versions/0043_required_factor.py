"""A merchant may require a second factor of all its people; a session knows whether it was given one."""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE merchant ADD COLUMN is_second_factor_required boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE operator_session ADD COLUMN has_second_factor boolean NOT NULL DEFAULT false")
    op.execute("GRANT UPDATE (is_second_factor_required) ON merchant TO vendomat_merchant")
    op.execute("GRANT UPDATE (has_second_factor) ON operator_session TO vendomat_merchant")
