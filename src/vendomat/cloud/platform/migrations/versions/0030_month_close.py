"""Months of sales that are closed: a frozen copy with its hash, each linked to the one before; nobody changes them."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_HASH = "CHECK ({0} ~ '^[0-9a-f]{{64}}$')"
_CLOSE = f"""
CREATE TABLE month_close (
    merchant_id    text NOT NULL REFERENCES merchant,
    position       integer NOT NULL CHECK (position >= 1),
    month          text NOT NULL CHECK (month ~ '^[0-9]{{4}}-[0-9]{{2}}$'),
    content        text NOT NULL,
    content_sha256 text NOT NULL {_HASH.format("content_sha256")},
    previous       text NOT NULL CHECK ((previous = '') = (position = 1)),
    link           text NOT NULL {_HASH.format("link")},
    closed_at      timestamptz NOT NULL,
    closed_by      text NOT NULL,
    PRIMARY KEY (merchant_id, position),
    UNIQUE (merchant_id, month)
)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    op.execute(_CLOSE)
    op.execute("ALTER TABLE month_close ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE month_close FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON month_close TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON month_close TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT ON month_close TO vendomat_merchant")
    op.execute("GRANT SELECT ON month_close TO vendomat_hot")
    op.execute(
        "CREATE TRIGGER month_close_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON month_close "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
