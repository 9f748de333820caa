"""Members of a merchant, their wallets, and orders that put money into one."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = {
    "member": """
        merchant_id text NOT NULL REFERENCES merchant,
        member_id   text NOT NULL,
        name        text NOT NULL,
        phone_hash  bytea,
        phone_tail  text NOT NULL DEFAULT '' CHECK (phone_tail ~ '^[0-9]{0,4}$'),
        external_id text NOT NULL DEFAULT '',
        state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked')),
        key_hash    bytea NOT NULL,
        created_at  timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, member_id),
        UNIQUE (key_hash)
    """,
    "member_code": """
        merchant_id text NOT NULL,
        serial      text NOT NULL CHECK (serial ~ '^[0-9]{11}$'),
        member_id   text NOT NULL,
        payment_id  text NOT NULL DEFAULT '',
        expires_at  timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, serial),
        FOREIGN KEY (merchant_id, member_id) REFERENCES member
    """,
    "wallet": """
        merchant_id   text NOT NULL,
        member_id     text NOT NULL,
        currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        balance_minor bigint NOT NULL DEFAULT 0 CHECK (balance_minor >= 0),
        entries       bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (merchant_id, member_id),
        FOREIGN KEY (merchant_id, member_id) REFERENCES member
    """,
    "wallet_entry": """
        merchant_id   text NOT NULL,
        member_id     text NOT NULL,
        entry         bigint NOT NULL CHECK (entry > 0),
        txn_key       text NOT NULL,
        kind          text NOT NULL,
        order_id      text NOT NULL,
        amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
        balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
        at            timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, member_id, entry),
        UNIQUE (merchant_id, member_id, txn_key),
        FOREIGN KEY (merchant_id, member_id) REFERENCES wallet
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_RIGHTS = (
    "GRANT SELECT, INSERT, UPDATE ON member TO vendomat_merchant",
    "GRANT SELECT ON member_code, wallet, wallet_entry TO vendomat_merchant",
    "GRANT SELECT ON member TO vendomat_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON member_code TO vendomat_hot",
    "GRANT SELECT, UPDATE ON member TO vendomat_hot",
    "GRANT SELECT, INSERT, UPDATE ON wallet TO vendomat_hot",
    "GRANT SELECT, INSERT ON wallet_entry TO vendomat_hot",
    "CREATE POLICY member_link ON member TO vendomat_auth USING (true)",
)
_INDEXES = (
    "CREATE UNIQUE INDEX member_phone ON member (merchant_id, phone_hash) WHERE phone_hash IS NOT NULL",
    "CREATE UNIQUE INDEX member_external ON member (merchant_id, external_id) WHERE external_id <> ''",
    "CREATE INDEX member_newest ON member (merchant_id, created_at DESC, member_id DESC)",
    "CREATE INDEX member_code_expiry ON member_code (expires_at)",
    "CREATE INDEX wallet_entry_day ON wallet_entry (merchant_id, member_id, at)",
    "CREATE INDEX sale_order_member ON sale_order (merchant_id, member_id, created_at DESC) WHERE member_id <> ''",
)


def upgrade() -> None:
    """People of a merchant keep members and read wallets; only the sale moves stored money."""
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE sale_order ADD COLUMN member_id text NOT NULL DEFAULT '', "
            "DROP CONSTRAINT sale_order_origin_check, "
            "ADD CONSTRAINT sale_order_origin_check CHECK (origin IN ('touch', 'code', 'top_up')), "
            "ADD CHECK ((origin = 'top_up') = (member_id <> ''))"
        )
    )
    for statement in (*_INDEXES, *_RIGHTS):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER wallet_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
