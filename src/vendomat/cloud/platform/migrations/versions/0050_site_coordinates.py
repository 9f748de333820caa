"""Where a site is on a map: degrees in WGS 84, both or none."""

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of no site it is known yet."""
    op.execute(
        "ALTER TABLE site ADD COLUMN latitude double precision CHECK (latitude BETWEEN -90 AND 90), "
        "ADD COLUMN longitude double precision CHECK (longitude BETWEEN -180 AND 180), "
        "ADD CONSTRAINT site_coordinates CHECK ((latitude IS NULL) = (longitude IS NULL))"
    )
    op.execute("GRANT SELECT (latitude, longitude) ON site TO vendomat_site_owner")
