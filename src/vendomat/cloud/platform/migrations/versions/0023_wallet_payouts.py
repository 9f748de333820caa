"""Wallets whose members leave: what went back by which top-up, and who decided it."""

from alembic import op
from sqlalchemy.util import await_only

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE wallet_payout (
    merchant_id    text NOT NULL,
    payout_id      text NOT NULL,
    member_id      text NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    by_hand_minor  bigint NOT NULL CHECK (by_hand_minor BETWEEN 0 AND amount_minor),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    state          text NOT NULL CHECK (state IN ('asked', 'done', 'declined')),
    hand_way       text NOT NULL,
    hand_reference text NOT NULL,
    reason         text NOT NULL CHECK (reason <> ''),
    asked_by       text NOT NULL CHECK (asked_by <> ''),
    asked_at       timestamptz NOT NULL,
    decided_by     text NOT NULL DEFAULT '',
    decided_at     timestamptz,
    PRIMARY KEY (merchant_id, payout_id),
    FOREIGN KEY (merchant_id, member_id) REFERENCES wallet,
    CHECK ((state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by = '')),
    CHECK ((by_hand_minor > 0) = (hand_way <> '') AND (hand_way = '') = (hand_reference = ''))
)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """One waits at a time; people of a merchant look, and only the sale writes."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(
        driver.execute(
            "ALTER TABLE payment ADD COLUMN paid_out_minor bigint NOT NULL DEFAULT 0 "
            "CHECK (paid_out_minor BETWEEN 0 AND captured_minor), ADD CHECK (paid_out_minor = 0 OR is_winning)"
        )
    )
    op.execute(_TABLE)
    op.execute("CREATE UNIQUE INDEX wallet_payout_one ON wallet_payout (merchant_id, member_id) WHERE state = 'asked'")
    op.execute("CREATE INDEX wallet_payout_newest ON wallet_payout (merchant_id, member_id, asked_at DESC)")
    op.execute("ALTER TABLE wallet_payout ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE wallet_payout FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON wallet_payout TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON wallet_payout TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON wallet_payout TO vendomat_merchant")
    op.execute("GRANT SELECT, INSERT, UPDATE ON wallet_payout TO vendomat_hot")
