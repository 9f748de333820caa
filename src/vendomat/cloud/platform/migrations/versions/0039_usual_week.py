"""What each machine usually sells in each hour of the week, and how far it has been judged against it."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_WEEK = """
CREATE TABLE usual_week (
    merchant_id     text NOT NULL,
    machine_id      text NOT NULL,
    judged_until    timestamptz NOT NULL,
    sold            real[] NOT NULL DEFAULT array_fill(0, ARRAY[168]),
    open            real[] NOT NULL DEFAULT array_fill(0, ARRAY[168]),
    score           double precision NOT NULL DEFAULT 0,
    pace            double precision NOT NULL DEFAULT 0,
    since           timestamptz,
    since_expected  double precision NOT NULL DEFAULT 0,
    since_sold      double precision NOT NULL DEFAULT 0,
    recent_expected double precision NOT NULL DEFAULT 0,
    recent_sold     double precision NOT NULL DEFAULT 0,
    day_expected    double precision NOT NULL DEFAULT 0,
    day_sold        double precision NOT NULL DEFAULT 0,
    spread_squares  double precision NOT NULL DEFAULT 20,
    spread_of       double precision NOT NULL DEFAULT 10,
    is_quiet        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (merchant_id, machine_id),
    FOREIGN KEY (merchant_id, machine_id) REFERENCES machine,
    CHECK (array_length(sold, 1) = 168 AND array_length(open, 1) = 168)
) WITH (fillfactor = 50)
"""
_MINE = "merchant_id = nullif(current_setting('vendomat.merchant_id', true), '')"


def upgrade() -> None:
    """Nothing is usual before it was seen: machines are learned from now on."""
    op.execute(_WEEK)
    op.execute("ALTER TABLE usual_week ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE usual_week FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_merchant ON usual_week TO vendomat_merchant USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute("CREATE POLICY hot_path ON usual_week TO vendomat_hot USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON usual_week TO vendomat_hot")
    op.execute("GRANT SELECT ON usual_week TO vendomat_merchant")
