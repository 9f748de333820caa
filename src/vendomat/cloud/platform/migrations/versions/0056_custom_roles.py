"""Roles that merchants make, and people who have them.

A person's `role` is a ready one's word or a custom one's id; the id stands in a column of its own by itself, so that no
role goes while somebody has it.
"""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"
_READY = "'owner', 'manager', 'finance', 'restocker', 'technician', 'read_only', 'site_owner'"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE custom_role ("
        "merchant_id text NOT NULL, role_id text NOT NULL CHECK (role_id ~ '^rol_[0-9a-z]{26}$'), "
        "name text NOT NULL CHECK (name <> ''), permissions text[] NOT NULL, version integer NOT NULL, "
        "PRIMARY KEY (merchant_id, role_id))"
    )
    op.execute("CREATE UNIQUE INDEX custom_role_name ON custom_role (merchant_id, lower(name))")
    op.execute("ALTER TABLE custom_role ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE custom_role FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON custom_role TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY sign_in ON custom_role FOR SELECT TO vendomat_auth USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON custom_role TO vendomat_merchant")
    op.execute("GRANT SELECT ON custom_role TO vendomat_auth")
    op.execute("ALTER TABLE operator DROP CONSTRAINT operator_role_check")
    op.execute(
        "ALTER TABLE operator ADD COLUMN custom_role_id text GENERATED ALWAYS AS "
        r"(CASE WHEN role LIKE 'rol\_%' THEN role END) STORED, "
        f"ADD CONSTRAINT operator_role_check CHECK (role IN ({_READY}) OR custom_role_id IS NOT NULL), "
        "ADD FOREIGN KEY (merchant_id, custom_role_id) REFERENCES custom_role"
    )
