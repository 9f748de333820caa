"""What 100 g or 100 ml of a product hold: energy, and the nutrients in milligrams. Of no product it is known yet."""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_FIGURES = ("energy_kj", "fat_mg", "saturates_mg", "carbohydrate_mg", "sugars_mg", "protein_mg", "sodium_mg")


def upgrade() -> None:
    """A null is a figure that nobody said."""
    added = "".join(f", ADD COLUMN {name} integer CHECK ({name} >= 0)" for name in _FIGURES)
    op.execute(
        "ALTER TABLE product "
        "ADD COLUMN nutrition_per text NOT NULL DEFAULT 'g' CHECK (nutrition_per IN ('g', 'ml'))" + added
    )
