"""People's browsers are channels that alarms are told by. One belongs to a session: ended by somebody, it takes its
browser with it, and what waits for that; one that ran out is kept as long as its browser is told."""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE notify_channel ADD COLUMN operator_id text, ADD COLUMN session_hash bytea, "
    "ADD COLUMN seen_at timestamptz, "
    "ADD CHECK ((operator_id IS NULL) = (session_hash IS NULL) AND (operator_id IS NULL) = (seen_at IS NULL)), "
    "ADD FOREIGN KEY (merchant_id, operator_id) REFERENCES operator, "
    "ADD FOREIGN KEY (merchant_id, session_hash) REFERENCES operator_session ON DELETE CASCADE",
    "ALTER TABLE alarm_notice DROP CONSTRAINT alarm_notice_merchant_id_channel_id_fkey, "
    "ADD FOREIGN KEY (merchant_id, channel_id) REFERENCES notify_channel ON DELETE CASCADE",
    "CREATE INDEX notify_channel_session ON notify_channel (merchant_id, session_hash) WHERE session_hash IS NOT NULL",
    "CREATE INDEX alarm_notice_of ON alarm_notice (merchant_id, channel_id, state)",
    "GRANT DELETE ON notify_channel TO vendomat_merchant",
    "GRANT SELECT (merchant_id, operator_id, name, role, state) ON operator TO vendomat_hot",
    "GRANT SELECT (merchant_id, session_hash) ON notify_channel TO vendomat_auth",
    "CREATE POLICY sign_in ON notify_channel TO vendomat_auth USING (true)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
