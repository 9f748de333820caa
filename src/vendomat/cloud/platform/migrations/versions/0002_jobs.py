"""The tables of the job queue, as its library makes them; the sale may enqueue, the worker may do all."""

from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.util import await_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GRANTS = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM pg_class c WHERE c.relname LIKE 'pgqueuer%' AND c.relkind = 'r' LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO vendomat_hot', name);
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_class c WHERE c.relname LIKE 'pgqueuer%' AND c.relkind = 'S' LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %I TO vendomat_hot', name);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    await_only(driver.execute(QueryBuilderEnvironment().build_install_query(create_schema=False)))
    await_only(driver.execute(_GRANTS))
