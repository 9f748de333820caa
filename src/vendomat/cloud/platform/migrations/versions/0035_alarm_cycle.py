"""The whole life of an alarm, the rules a merchant sets for it, and who is told of it."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TABLES = {
    "alarm_entry": """
        merchant_id text NOT NULL,
        entry       bigint GENERATED ALWAYS AS IDENTITY,
        alarm_id    text NOT NULL,
        at          timestamptz NOT NULL,
        what        text NOT NULL,
        operator_id text NOT NULL DEFAULT '',
        said        text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, entry),
        FOREIGN KEY (merchant_id, alarm_id) REFERENCES alarm
    """,
    "alarm_rule": """
        merchant_id        text NOT NULL REFERENCES merchant,
        kind               text NOT NULL,
        severity           text NOT NULL DEFAULT '' CHECK (severity IN ('', 'warning', 'critical')),
        delay_s            integer NOT NULL DEFAULT 0 CHECK (delay_s BETWEEN 0 AND 86400),
        is_silent          boolean NOT NULL DEFAULT false,
        is_auto_cleared    boolean NOT NULL DEFAULT false,
        escalate_after_min integer NOT NULL DEFAULT 0 CHECK (escalate_after_min BETWEEN 0 AND 10080),
        escalate_to        text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, kind),
        CHECK ((escalate_after_min > 0) = (escalate_to <> ''))
    """,
    "notify_channel": """
        merchant_id     text NOT NULL REFERENCES merchant,
        channel_id      text NOT NULL,
        name            text NOT NULL,
        scheme          text NOT NULL,
        endpoint_sealed bytea NOT NULL,
        language        text NOT NULL CHECK (language IN ('zh-CN', 'en')),
        min_severity    text NOT NULL CHECK (min_severity IN ('warning', 'critical', 'none')),
        is_active       boolean NOT NULL,
        created_at      timestamptz NOT NULL,
        next_send_at    timestamptz NOT NULL,
        claimed_until   timestamptz NOT NULL,
        last_sent_at    timestamptz,
        error           text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, channel_id)
    """,
    "notify_quiet": """
        merchant_id  text PRIMARY KEY REFERENCES merchant,
        from_minute  integer NOT NULL CHECK (from_minute BETWEEN 0 AND 1439),
        until_minute integer NOT NULL CHECK (until_minute BETWEEN 0 AND 1439)
    """,
    "alarm_notice": """
        merchant_id text NOT NULL,
        alarm_id    text NOT NULL,
        channel_id  text NOT NULL,
        step        text NOT NULL CHECK (step IN ('raised', 'escalated')),
        raise_id    text NOT NULL,
        state       text NOT NULL CHECK (state IN ('waiting', 'sent', 'dropped', 'failed')),
        next_try_at timestamptz NOT NULL,
        tries       integer NOT NULL DEFAULT 0,
        error       text NOT NULL DEFAULT '',
        ended_at    timestamptz,
        PRIMARY KEY (merchant_id, alarm_id, channel_id, step, raise_id),
        FOREIGN KEY (merchant_id, alarm_id) REFERENCES alarm,
        FOREIGN KEY (merchant_id, channel_id) REFERENCES notify_channel,
        CHECK ((ended_at IS NOT NULL) = (state <> 'waiting'))
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_BEFORE = (
    "ALTER TABLE alarm DROP CONSTRAINT alarm_state_check, "
    "ADD CONSTRAINT alarm_state_check CHECK (state IN ('raised', 'acknowledged', 'passed', 'cleared')), "
    "ADD COLUMN raise_id text NOT NULL DEFAULT '', ADD COLUMN assigned_to text NOT NULL DEFAULT '', "
    "ADD COLUMN snoozed_until timestamptz",
    "CREATE INDEX alarm_newest ON alarm (merchant_id, raised_at DESC, alarm_id DESC)",
)
_AFTER = (
    "CREATE INDEX alarm_entry_of ON alarm_entry (merchant_id, alarm_id, entry)",
    "CREATE INDEX alarm_notice_due ON alarm_notice (next_try_at) WHERE state = 'waiting'",
    "GRANT SELECT, INSERT ON alarm_entry TO vendomat_merchant, vendomat_hot",
    "GRANT SELECT, INSERT, UPDATE ON alarm_rule, notify_channel, notify_quiet TO vendomat_merchant",
    "GRANT DELETE ON alarm_rule, notify_quiet TO vendomat_merchant",
    "GRANT SELECT ON alarm_rule, notify_quiet TO vendomat_hot",
    "GRANT SELECT, UPDATE ON notify_channel TO vendomat_hot",
    "GRANT SELECT ON alarm_notice TO vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON alarm_notice TO vendomat_hot",
)


def upgrade() -> None:
    """Alarms that were cleared before stay cleared; nobody is told of what was raised before there was a channel."""
    for statement in _BEFORE:
        op.execute(statement)
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _AFTER:
        op.execute(statement)
