"""Sums of the ledger and of sales by business day, in the merchant's own time zone.

A ledger line remembers the database transaction that wrote it. Sums say up to which one they count, and what is newer
is read from the lines: so a statement is exact at every moment, and no line is counted twice or not at all.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = {
    "ledger_day": """
        merchant_id  text NOT NULL,
        day          date NOT NULL,
        account      text NOT NULL,
        currency     text NOT NULL,
        family       text NOT NULL,
        debit_minor  bigint NOT NULL CHECK (debit_minor >= 0),
        credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
        lines        bigint NOT NULL CHECK (lines > 0),
        PRIMARY KEY (merchant_id, day, account, currency, family)
    """,
    "sales_day": """
        merchant_id  text NOT NULL,
        day          date NOT NULL,
        machine_id   text NOT NULL,
        product_id   text NOT NULL,
        currency     text NOT NULL,
        kind         text NOT NULL CHECK (kind IN ('sold', 'gift', 'late', 'goodwill', 'other')),
        units        bigint NOT NULL CHECK (units >= 0),
        amount_minor bigint NOT NULL,
        PRIMARY KEY (merchant_id, day, machine_id, product_id, currency, kind)
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_TIME_ZONE = """
CREATE FUNCTION merchant_time_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM now() AT TIME ZONE NEW.time_zone;
    IF TG_OP = 'UPDATE' AND NEW.time_zone <> OLD.time_zone
        AND EXISTS (SELECT FROM ledger_day WHERE merchant_id = NEW.merchant_id) THEN
        RAISE EXCEPTION 'the days of this merchant have begun: its time zone stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    """What stands in the ledger already is counted to this very transaction, and so is summed in the first round."""
    op.execute("ALTER TABLE merchant ADD COLUMN time_zone text NOT NULL DEFAULT 'Asia/Shanghai'")
    op.execute(
        "ALTER TABLE ledger_line ADD COLUMN xact bigint NOT NULL "
        "DEFAULT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
    )
    # Lines lie in the order of their transactions, so an index of block ranges does, and it costs next to nothing.
    op.execute(
        "CREATE INDEX ledger_line_xact ON ledger_line USING brin (xact) WITH (pages_per_range = 16, autosummarize = on)"
    )
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    op.execute("CREATE TABLE day_sums_place (is_one boolean PRIMARY KEY CHECK (is_one), xact bigint NOT NULL)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON day_sums_place TO vendomat_hot")
    op.execute("GRANT SELECT ON day_sums_place TO vendomat_merchant")
    op.execute(_TIME_ZONE)
    op.execute(
        "CREATE TRIGGER merchant_time_zone BEFORE INSERT OR UPDATE OF time_zone ON merchant "
        "FOR EACH ROW EXECUTE FUNCTION merchant_time_zone()"
    )
