"""The first schema."""

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file as it stands, on the driver's own connection (several statements in one call)."""
    sql = (Path(__file__).parent.parent / "schema_0001.sql").read_text()
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(sql))
    months = "SELECT make_month_partitions((now() + n * interval '1 month')::date) FROM generate_series(-1, 2) n"
    await_only(driver.execute(months))
