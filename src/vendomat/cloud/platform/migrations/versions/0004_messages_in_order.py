"""What a machine's messages were heard up to, and which of the cloud's keys it trusts."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """`beat_seq` is the last heartbeat's, `overtaken_seq` the one's before: what is older was held back."""
    op.execute("ALTER TABLE machine ADD COLUMN trusted_keys text NOT NULL DEFAULT ''")
    for column in ("seq", "beat_seq", "overtaken_seq"):
        op.execute(f"ALTER TABLE machine_live ADD COLUMN {column} bigint NOT NULL DEFAULT 0")
