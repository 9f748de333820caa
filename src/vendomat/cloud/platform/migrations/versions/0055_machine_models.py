"""Machine models: a maker's cabinet with its slots, and which machine is of which. No machine is of one yet."""

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_COLUMNS = """
    merchant_id text NOT NULL REFERENCES merchant,
    model_id    text NOT NULL,
    maker       text NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    mechanism   text NOT NULL CHECK (mechanism IN ('spiral', 'belt', 'lift', 'locker', 'cooler', 'other')),
    is_cooled   boolean NOT NULL,
    slots       jsonb NOT NULL,
    version     integer NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, model_id),
    UNIQUE (merchant_id, maker, name)
"""


def upgrade() -> None:
    op.execute(f"CREATE TABLE machine_model ({_COLUMNS})")
    op.execute("ALTER TABLE machine_model ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE machine_model FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON machine_model TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON machine_model TO vendomat_merchant")
    op.execute(
        "ALTER TABLE machine ADD COLUMN model_id text, "
        "ADD CONSTRAINT machine_model_of FOREIGN KEY (merchant_id, model_id) REFERENCES machine_model"
    )
    op.execute("CREATE INDEX machine_of_model ON machine (merchant_id, model_id) WHERE model_id IS NOT NULL")
