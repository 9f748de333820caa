"""People: more roles, invitations, where one is signed in; and the change log, a chain that is only ever added to."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_SHA256 = "~ '^[0-9a-f]{64}$'"
_TABLES = {
    "change_head": f"""
        merchant_id text PRIMARY KEY,
        seq         bigint NOT NULL CHECK (seq >= 0),
        link        text NOT NULL CHECK ((link = '') = (seq = 0)),
        CHECK (seq = 0 OR link {_SHA256})
    """,
    "change_entry": f"""
        merchant_id text NOT NULL,
        seq         bigint NOT NULL CHECK (seq >= 1),
        at          timestamptz NOT NULL,
        actor       text NOT NULL CHECK (actor <> ''),
        action      text NOT NULL CHECK (action ~ '^[a-z_]+[.][a-z_]+$'),
        subject     text NOT NULL,
        content     text NOT NULL,
        previous    text NOT NULL CHECK (previous = '' OR previous {_SHA256}),
        link        text NOT NULL CHECK (link {_SHA256}),
        PRIMARY KEY (merchant_id, seq),
        CHECK ((seq = 1) = (previous = ''))
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE INDEX change_entry_subject ON change_entry (merchant_id, subject, seq)",
    "CREATE INDEX change_entry_actor ON change_entry (merchant_id, actor, seq)",
    "GRANT SELECT, INSERT ON change_entry TO vendomat_hot, vendomat_merchant",
    "GRANT SELECT, INSERT, UPDATE ON change_head TO vendomat_hot, vendomat_merchant",
    "CREATE TRIGGER change_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON change_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE operator DROP CONSTRAINT operator_role_check",
    "ALTER TABLE operator ADD CONSTRAINT operator_role_check CHECK (role IN "
    "('owner', 'manager', 'finance', 'restocker', 'technician', 'read_only'))",
)
_INVITATIONS = (
    "ALTER TABLE operator ADD COLUMN state text NOT NULL DEFAULT 'active' "
    "CHECK (state IN ('invited', 'active', 'inactive'))",
    "ALTER TABLE operator ADD CONSTRAINT operator_has_password CHECK (state <> 'active' OR password_hash <> '')",
    "ALTER TABLE operator_session ADD COLUMN started_at timestamptz, ADD COLUMN source text NOT NULL DEFAULT '', "
    "ADD COLUMN agent text NOT NULL DEFAULT ''",
    """
    CREATE TABLE operator_invitation (
        merchant_id text NOT NULL,
        operator_id text NOT NULL,
        token_hash  bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
        expires_at  timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, operator_id),
        FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
    )
    """,
    "ALTER TABLE operator_invitation ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE operator_invitation FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY own_merchant ON operator_invitation TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})",
    "CREATE POLICY sign_in ON operator_invitation TO vendomat_auth USING (true)",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON operator_invitation TO vendomat_merchant",
    "GRANT SELECT ON operator_invitation TO vendomat_auth",
)


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in (*_MORE, *_INVITATIONS):
        op.execute(statement)
