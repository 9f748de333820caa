"""Identity providers of merchants, who is who at them, and the ways there and back that are under way."""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_TABLES = {
    "identity_provider": """
        merchant_id   text PRIMARY KEY REFERENCES merchant,
        name          text NOT NULL,
        issuer        text NOT NULL,
        client_id     text NOT NULL,
        secret_sealed bytea NOT NULL,
        email_domains text[] NOT NULL,
        new_role      text CHECK (new_role <> 'owner'),
        is_listed     boolean NOT NULL,
        is_active     boolean NOT NULL,
        changed_at    timestamptz NOT NULL,
        CHECK (new_role IS NULL OR cardinality(email_domains) > 0)
    """,
    "operator_identity": """
        merchant_id  text NOT NULL,
        issuer       text NOT NULL,
        subject      text NOT NULL CHECK (subject <> ''),
        operator_id  text NOT NULL,
        email        text NOT NULL,
        linked_at    timestamptz NOT NULL,
        last_used_at timestamptz,
        PRIMARY KEY (merchant_id, issuer, subject),
        UNIQUE (merchant_id, operator_id, issuer),
        FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
    """,
    "provider_journey": """
        merchant_id  text NOT NULL,
        state_hash   bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
        browser_hash bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
        purpose      text NOT NULL CHECK (purpose IN ('sign_in', 'link', 'prove')),
        operator_id  text NOT NULL,
        session_id   text NOT NULL,
        nonce        text NOT NULL,
        verifier     text NOT NULL,
        home         text NOT NULL,
        begun_at     timestamptz NOT NULL,
        expires_at   timestamptz NOT NULL,
        CHECK ((operator_id = '') = (purpose = 'sign_in'))
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "ALTER TABLE operator DROP CONSTRAINT operator_has_password",  # an identity at a provider may be the way in
    "ALTER TABLE operator_session ADD COLUMN is_by_provider boolean NOT NULL DEFAULT false",
    "GRANT SELECT, INSERT, UPDATE ON identity_provider TO vendomat_merchant",
    "GRANT SELECT ON identity_provider TO vendomat_auth",
    "GRANT SELECT, INSERT, DELETE ON operator_identity TO vendomat_merchant",
    "GRANT SELECT, UPDATE (last_used_at) ON operator_identity TO vendomat_auth",
    "GRANT SELECT, INSERT, DELETE ON provider_journey TO vendomat_auth",
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
