"""Sites, who owns them and what is agreed; and the statements that were issued to them, which nobody changes.

Where a machine stands, and what terms hold, is said from a first day on, until the next such row: two cannot overlap.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_HASH = "CHECK ({0} ~ '^[0-9a-f]{{64}}$')"
_TABLES = {
    "site": """
        merchant_id text NOT NULL REFERENCES merchant,
        site_id     text NOT NULL,
        name        text NOT NULL,
        owner       text NOT NULL,
        created_at  timestamptz NOT NULL,
        PRIMARY KEY (merchant_id, site_id)
    """,
    "site_machine": """
        merchant_id text NOT NULL,
        machine_id  text NOT NULL,
        first_day   date NOT NULL,
        site_id     text,
        PRIMARY KEY (merchant_id, machine_id, first_day),
        FOREIGN KEY (merchant_id, machine_id) REFERENCES machine,
        FOREIGN KEY (merchant_id, site_id) REFERENCES site
    """,
    "site_rule": """
        merchant_id    text NOT NULL,
        site_id        text NOT NULL,
        first_day      date NOT NULL,
        steps          jsonb NOT NULL,
        per_unit_minor bigint NOT NULL CHECK (per_unit_minor >= 0),
        fixed_minor    bigint NOT NULL CHECK (fixed_minor >= 0),
        minimum_minor  bigint NOT NULL CHECK (minimum_minor >= 0),
        PRIMARY KEY (merchant_id, site_id, first_day),
        FOREIGN KEY (merchant_id, site_id) REFERENCES site
    """,
    "site_statement": f"""
        merchant_id    text NOT NULL,
        site_id        text NOT NULL,
        position       integer NOT NULL CHECK (position >= 1),
        month          text NOT NULL CHECK (month ~ '^[0-9]{{4}}-[0-9]{{2}}$'),
        currency       text NOT NULL,
        total_minor    bigint NOT NULL,
        content        text NOT NULL,
        content_sha256 text NOT NULL {_HASH.format("content_sha256")},
        csv_sha256     text NOT NULL {_HASH.format("csv_sha256")},
        pdf_en_sha256  text NOT NULL {_HASH.format("pdf_en_sha256")},
        pdf_zh_sha256  text NOT NULL {_HASH.format("pdf_zh_sha256")},
        previous       text NOT NULL CHECK ((previous = '') = (position = 1)),
        link           text NOT NULL {_HASH.format("link")},
        issued_at      timestamptz NOT NULL,
        issued_by      text NOT NULL,
        PRIMARY KEY (merchant_id, site_id, position),
        UNIQUE (merchant_id, site_id, month),
        FOREIGN KEY (merchant_id, site_id) REFERENCES site
    """,
    "site_statement_file": f"""
        merchant_id text NOT NULL,
        site_id     text NOT NULL,
        position    integer NOT NULL,
        form        text NOT NULL CHECK (form IN ('csv', 'pdf_en', 'pdf_zh')),
        sha256      text NOT NULL {_HASH.format("sha256")},
        content     bytea NOT NULL,
        PRIMARY KEY (merchant_id, site_id, position, form),
        FOREIGN KEY (merchant_id, site_id, position) REFERENCES site_statement
    """,
    "site_payout": """
        merchant_id  text NOT NULL,
        payout_id    text NOT NULL,
        site_id      text NOT NULL,
        reference    text NOT NULL CHECK (reference <> ''),
        currency     text NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        paid_on      date NOT NULL,
        recorded_at  timestamptz NOT NULL,
        recorded_by  text NOT NULL,
        PRIMARY KEY (merchant_id, payout_id),
        UNIQUE (merchant_id, site_id, reference),
        FOREIGN KEY (merchant_id, site_id) REFERENCES site
    """,
}
_FROZEN = ("site_statement", "site_statement_file", "site_payout")
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """What was issued or paid is only ever added to, also for a superuser."""
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_merchant ON {table} TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"CREATE POLICY hot_path ON {table} TO vendomat_hot USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT{'' if table in _FROZEN else ', UPDATE'} ON {table} TO vendomat_hot")
        op.execute(f"GRANT SELECT ON {table} TO vendomat_merchant")
    for table in _FROZEN:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("CREATE INDEX site_machine_site ON site_machine (merchant_id, site_id)")
