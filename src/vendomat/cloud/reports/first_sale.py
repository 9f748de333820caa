"""How far a new merchant has come: what is still missing before the first sale."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from pydantic import BaseModel

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.database import Database

_STANDING = sa.text("""
SELECT EXISTS (SELECT FROM machine WHERE merchant_id = :id AND epoch > 0) AS machine,
    EXISTS (SELECT FROM product WHERE merchant_id = :id) AS products,
    EXISTS (SELECT FROM planogram_slot WHERE merchant_id = :id) AS planogram,
    EXISTS (SELECT FROM payment_account WHERE merchant_id = :id AND is_active) AS way_to_pay,
    EXISTS (SELECT FROM vend_unit WHERE merchant_id = :id AND outcome = 'delivered') AS sale
""")


class FirstStepsView(BaseModel):
    """Whether a machine has ever enrolled, there are products, a planogram is published, a way to pay is switched on,
    and something was sold."""

    machine: bool
    products: bool
    planogram: bool
    way_to_pay: bool
    sale: bool


def first_steps_router(database: Database, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/first-steps", tags=["reports"])
    reading = permitted(current, Permission.FLEET_READ)

    @router.get("", operation_id="first_steps.get")
    async def standing(operator: Annotated[Operator, Depends(reading)]) -> FirstStepsView:
        async with database.merchant(operator.merchant_id) as connection:
            found = await connection.execute(_STANDING, {"id": operator.merchant_id})
        return FirstStepsView.model_validate(dict(found.mappings().one()))

    return router
