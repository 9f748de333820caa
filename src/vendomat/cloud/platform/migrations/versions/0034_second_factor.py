"""The second factor of signing in: a sealed secret per person, and the hashes of recovery codes."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TABLES = {
    "operator_totp": """
        merchant_id   text NOT NULL,
        operator_id   text NOT NULL,
        secret_sealed bytea NOT NULL,
        confirmed_at  timestamptz,
        last_step     bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (merchant_id, operator_id),
        FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
    """,
    "operator_recovery_code": """
        merchant_id text NOT NULL,
        operator_id text NOT NULL,
        code_hash   bytea NOT NULL CHECK (octet_length(code_hash) = 32),
        PRIMARY KEY (merchant_id, operator_id, code_hash),
        FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_RIGHTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON operator_totp, operator_recovery_code TO vendomat_merchant",
    "GRANT SELECT, UPDATE (last_step) ON operator_totp TO vendomat_auth",
    "GRANT SELECT, DELETE ON operator_recovery_code TO vendomat_auth",
)


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY sign_in ON {table} TO vendomat_auth USING (true) WITH CHECK (true)")
    for right in _RIGHTS:
        op.execute(right)
