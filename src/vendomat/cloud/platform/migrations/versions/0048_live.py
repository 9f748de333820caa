"""How machines are: what they said of themselves last, the wanted temperature, samples of each day, and tags."""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_CONDITION = """
CREATE UNLOGGED TABLE machine_condition (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    epoch       bigint NOT NULL,
    seq         bigint NOT NULL,
    at          timestamptz NOT NULL,
    condition   jsonb NOT NULL,
    PRIMARY KEY (merchant_id, machine_id)
) WITH (fillfactor = 50)
"""
_DAY = """
CREATE TABLE machine_day (
    merchant_id    text NOT NULL,
    machine_id     text NOT NULL,
    day            date NOT NULL,
    decidegrees    smallint[] NOT NULL CHECK (cardinality(decidegrees) <= 144),
    heard_percent  smallint[] NOT NULL CHECK (cardinality(heard_percent) <= 144),
    PRIMARY KEY (merchant_id, machine_id, day)
) WITH (fillfactor = 50)
"""
_TAG = """
CREATE TABLE machine_tag (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    tag         text NOT NULL CHECK (tag = btrim(tag) AND length(tag) BETWEEN 1 AND 32),
    PRIMARY KEY (merchant_id, machine_id, tag),
    FOREIGN KEY (merchant_id, machine_id) REFERENCES machine (merchant_id, machine_id)
)
"""
_BAND = """
ALTER TABLE machine
    ADD COLUMN temperature_low_c double precision,
    ADD COLUMN temperature_high_c double precision,
    ADD COLUMN temperature_after_s integer NOT NULL DEFAULT 900 CHECK (temperature_after_s BETWEEN 0 AND 86400),
    ADD CHECK ((temperature_low_c IS NULL) = (temperature_high_c IS NULL) AND temperature_low_c < temperature_high_c)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """No temperature is wanted of any machine until somebody says so."""
    for statement in (_CONDITION, _DAY, _TAG, _BAND):
        op.execute(statement)
    for table in ("machine_condition", "machine_day", "machine_tag"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    op.execute("GRANT INSERT, DELETE ON machine_tag TO vendomat_merchant")
    op.execute("CREATE INDEX machine_day_of_all ON machine_day (day)")
    op.execute("GRANT INSERT ON stock_slot TO vendomat_hot")  # a slot that is counted for the first time
    op.execute(
        "CREATE INDEX machine_fact_boot ON machine_fact (merchant_id, machine_id, received_at) WHERE kind = 'boot'"
    )
    op.execute("CREATE INDEX alarm_of_machine ON alarm (merchant_id, machine_id, raised_at)")
    op.execute("CREATE INDEX machine_tagged ON machine_tag (merchant_id, tag)")
    op.execute(
        "ALTER TABLE machine_live ADD COLUMN off_band_since timestamptz, ADD COLUMN beats bigint NOT NULL DEFAULT 0, "
        "ADD COLUMN beats_sampled bigint NOT NULL DEFAULT 0"
    )
    op.execute("CREATE TABLE machine_sample (is_one boolean PRIMARY KEY CHECK (is_one), at timestamptz NOT NULL)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON machine_sample TO vendomat_hot")
    op.execute("GRANT SELECT ON machine_sample TO vendomat_merchant")
