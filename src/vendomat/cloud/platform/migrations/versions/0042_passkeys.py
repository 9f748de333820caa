"""Passkeys: what is known of each, and the challenges that wait to be answered once."""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_TABLES = {
    "operator_passkey": """
        merchant_id   text NOT NULL,
        passkey_id    text NOT NULL,
        operator_id   text NOT NULL,
        name          text NOT NULL,
        credential_id bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
        public_key    bytea NOT NULL,
        sign_count    bigint NOT NULL,
        created_at    timestamptz NOT NULL,
        last_used_at  timestamptz,
        PRIMARY KEY (merchant_id, passkey_id),
        FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
    """,
    "passkey_challenge": """
        merchant_id text NOT NULL,
        operator_id text NOT NULL,
        purpose     text NOT NULL CHECK (purpose IN ('add', 'sign_in', 'prove')),
        challenge   bytea PRIMARY KEY CHECK (octet_length(challenge) = 32),
        expires_at  timestamptz NOT NULL,
        CHECK ((operator_id = '') = (purpose = 'sign_in'))
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE INDEX operator_passkey_of ON operator_passkey (merchant_id, operator_id)",
    "GRANT SELECT, INSERT, DELETE ON operator_passkey TO vendomat_merchant",
    "GRANT SELECT, UPDATE (sign_count, last_used_at) ON operator_passkey TO vendomat_auth",
    "GRANT SELECT, INSERT, DELETE ON passkey_challenge TO vendomat_auth",
)


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY sign_in ON {table} TO vendomat_auth USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
