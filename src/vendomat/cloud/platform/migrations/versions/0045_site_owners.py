"""People to whom sites belong: which ones, and a role that sees what concerns these and nothing else.

The role is given what it may read column by column; a row is its own when its site is, and a machine's sales are while
the machine stood there. So that this can be asked of one row, a stay now knows its last day.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MYSELF = "operator_id = nullif(current_setting('vendomat.operator_id', true), '')"
_MY_SITES = "SELECT w.site_id FROM site_owner w"  # itself narrowed to one person's
_TODAY = "(SELECT (now() AT TIME ZONE m.time_zone)::date FROM merchant m)"
_STANDS = "SELECT FROM site_machine k WHERE (k.merchant_id, k.machine_id) = ({0}.merchant_id, {0}.machine_id)"
_SEEN = {
    "site_owner": ("merchant_id, operator_id, site_id", _MYSELF),
    "merchant": ("merchant_id, name, currency, time_zone", "true"),
    "site": ("merchant_id, site_id, name, owner, address, opening", f"site_id IN ({_MY_SITES})"),
    "site_machine": ("merchant_id, machine_id, first_day, last_day, site_id", f"site_id IN ({_MY_SITES})"),
    "machine": ("merchant_id, machine_id, number", f"EXISTS ({_STANDS.format('machine')})"),
    "machine_live": (
        "merchant_id, machine_id, seen_at, is_ready",
        f"EXISTS ({_STANDS.format('machine_live')} AND k.first_day <= {_TODAY} "
        f"AND coalesce(k.last_day >= {_TODAY}, true))",
    ),
    "sale_hour": (
        "merchant_id, hour, machine_id, currency, units_sold, gross_minor",
        f"EXISTS ({_STANDS.format('sale_hour')} AND sale_hour.hour >= k.first_day "
        "AND coalesce(sale_hour.hour < k.last_day + 1, true))",
    ),
    "site_statement": ("", f"site_id IN ({_MY_SITES})"),
    "site_statement_file": ("", f"site_id IN ({_MY_SITES})"),
    "site_payout": ("", f"site_id IN ({_MY_SITES})"),
    "ledger_line": (
        "merchant_id, account, amount_minor",
        f"account IN (SELECT 'liab:site_rent:' || w.site_id FROM ({_MY_SITES}) w)",
    ),
}
"""By table: the columns that may be read (none named: all), and whose rows."""
_SPANS = """
CREATE FUNCTION end_site_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.merchant_id || ' ' || NEW.machine_id, 3));
    UPDATE site_machine k SET last_day = n.last_day FROM (
        SELECT first_day, lead(first_day) OVER (ORDER BY first_day) - 1 AS last_day FROM site_machine
        WHERE merchant_id = NEW.merchant_id AND machine_id = NEW.machine_id) n
    WHERE k.merchant_id = NEW.merchant_id AND k.machine_id = NEW.machine_id AND k.first_day = n.first_day
        AND k.last_day IS DISTINCT FROM n.last_day;
    RETURN NULL;
END $$
"""
_KNOWN = """
UPDATE site_machine k SET last_day = n.last_day FROM (
    SELECT merchant_id, machine_id, first_day,
        lead(first_day) OVER (PARTITION BY merchant_id, machine_id ORDER BY first_day) - 1 AS last_day FROM site_machine
) n WHERE (k.merchant_id, k.machine_id, k.first_day) = (n.merchant_id, n.machine_id, n.first_day)
"""
_OWNERS = """
CREATE TABLE site_owner (
    merchant_id text NOT NULL,
    operator_id text NOT NULL,
    site_id     text NOT NULL,
    PRIMARY KEY (merchant_id, operator_id, site_id),
    FOREIGN KEY (merchant_id, operator_id) REFERENCES operator,
    FOREIGN KEY (merchant_id, site_id) REFERENCES site
)
"""


def upgrade() -> None:
    op.execute("ALTER TABLE operator DROP CONSTRAINT operator_role_check")
    op.execute(
        "ALTER TABLE operator ADD CONSTRAINT operator_role_check CHECK (role IN "
        "('owner', 'manager', 'finance', 'restocker', 'technician', 'read_only', 'site_owner'))"
    )
    op.execute("ALTER TABLE site_machine ADD COLUMN last_day date")
    op.execute("SET LOCAL ROLE vendomat_hot")
    op.execute(_KNOWN)
    op.execute("RESET ROLE")
    op.execute(_SPANS)
    op.execute(
        "CREATE TRIGGER end_site_stays AFTER INSERT ON site_machine FOR EACH ROW EXECUTE FUNCTION end_site_stays()"
    )
    op.execute(_OWNERS)
    op.execute("ALTER TABLE site_owner ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE site_owner FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON site_owner TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("GRANT SELECT, INSERT, DELETE ON site_owner TO vendomat_merchant")
    for table, (columns, own) in _SEEN.items():
        op.execute(
            f"CREATE POLICY own_sites ON {table} FOR SELECT TO vendomat_site_owner USING ({table}.{_MINE} AND {own})"
        )
        op.execute(f"GRANT SELECT {f'({columns})' if columns else ''} ON {table} TO vendomat_site_owner")
