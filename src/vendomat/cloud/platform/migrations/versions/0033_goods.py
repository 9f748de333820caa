"""Goods as an operator keeps them: what a product is, what it costs from when; and what each machine is wanted to hold.

What a machine sells stays in `planogram_slot`; beside it stand the draft, every version that was published, and which
catalogue a machine's screen shows.
"""

from alembic import op
from sqlalchemy.util import await_only

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_PRODUCT = """
ALTER TABLE product
    ADD COLUMN barcode text NOT NULL DEFAULT '' CHECK (barcode ~ '^([0-9]{8}|[0-9]{12,13})?$'),
    ADD COLUMN tax_bp integer NOT NULL DEFAULT 0 CHECK (tax_bp BETWEEN 0 AND 10000),
    ADD COLUMN allergens text[] NOT NULL DEFAULT '{}',
    ADD COLUMN energy_kcal integer CHECK (energy_kcal >= 0),
    ADD COLUMN age_min integer NOT NULL DEFAULT 0 CHECK (age_min BETWEEN 0 AND 99),
    ADD COLUMN is_perishable boolean NOT NULL DEFAULT false,
    ADD COLUMN shelf_life_days integer CHECK (shelf_life_days > 0),
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT '2000-01-01T00:00:00Z';
CREATE UNIQUE INDEX product_barcode ON product (merchant_id, barcode) WHERE barcode <> '' AND archived_at IS NULL;
CREATE INDEX product_newest ON product (merchant_id, created_at DESC, product_id DESC);
CREATE INDEX planogram_slot_product ON planogram_slot (merchant_id, product_id);
ALTER TABLE machine_live ADD COLUMN shown_version integer NOT NULL DEFAULT 0;
"""
_TABLES = {
    "product_cost": """
        merchant_id text NOT NULL,
        product_id  text NOT NULL,
        first_day   date NOT NULL,
        cost_minor  bigint NOT NULL CHECK (cost_minor >= 0),
        set_at      timestamptz NOT NULL,
        set_by      text NOT NULL,
        PRIMARY KEY (merchant_id, product_id, first_day),
        FOREIGN KEY (merchant_id, product_id) REFERENCES product
    """,
    "planogram": """
        merchant_id   text NOT NULL,
        machine_id    text NOT NULL,
        version       integer NOT NULL DEFAULT 0 CHECK (version >= 0),
        wanted        integer NOT NULL DEFAULT 0,
        published_at  timestamptz,
        published_by  text NOT NULL DEFAULT '',
        draft         jsonb,
        edit          integer NOT NULL DEFAULT 1,
        draft_at      timestamptz,
        draft_by      text NOT NULL DEFAULT '',
        PRIMARY KEY (merchant_id, machine_id),
        FOREIGN KEY (merchant_id, machine_id) REFERENCES machine,
        CHECK ((version = 0) = (published_at IS NULL)),
        CHECK ((draft IS NULL) = (draft_at IS NULL))
    """,
    "planogram_version": """
        merchant_id  text NOT NULL,
        machine_id   text NOT NULL,
        version      integer NOT NULL CHECK (version >= 0),
        wanted       integer NOT NULL,
        slots        jsonb NOT NULL,
        published_at timestamptz NOT NULL,
        published_by text NOT NULL,
        PRIMARY KEY (merchant_id, machine_id, version),
        FOREIGN KEY (merchant_id, machine_id) REFERENCES planogram
    """,
    "planogram_template": """
        merchant_id text NOT NULL REFERENCES merchant,
        template_id text NOT NULL,
        name        text NOT NULL,
        slots       jsonb NOT NULL,
        version     integer NOT NULL DEFAULT 1,
        changed_at  timestamptz NOT NULL,
        changed_by  text NOT NULL,
        PRIMARY KEY (merchant_id, template_id),
        UNIQUE (merchant_id, name)
    """,
}
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_MORE = (
    "CREATE TRIGGER planogram_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON planogram_version "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "GRANT SELECT, INSERT, UPDATE ON product_cost, planogram, planogram_template TO vendomat_merchant",
    "GRANT SELECT, INSERT ON planogram_version TO vendomat_merchant",
    "GRANT DELETE ON planogram_template, stock_slot TO vendomat_merchant",
    "GRANT SELECT ON product_cost, planogram, planogram_version TO vendomat_hot",
)


def upgrade() -> None:
    """A planogram's version 0 is what its machine was set up with."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(_PRODUCT))
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
    for statement in _MORE:
        op.execute(statement)
