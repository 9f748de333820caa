"""`/api/v1/machines` and `/api/v1/orders`: the console's lists and details."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.orders import OrderState
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page
from vendomat.cloud.reports.fleet import FleetReport
from vendomat.cloud.reports.orders import OrderFilter, OrderReport
from vendomat.cloud.reports.views import (
    MachineDetailView,
    MachineView,
    OrderDetailView,
    OrderView,
)

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
CursorText = Annotated[str | None, Query(max_length=200)]
MACHINE_ID = r"^mch_[0-9a-z]{26}$"


def reports_router(fleet: FleetReport, orders: OrderReport, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["reports"])
    of_fleet = permitted(current, Permission.FLEET_READ)
    of_orders = permitted(current, Permission.ORDER_READ)

    @router.get("/machines", operation_id="machines.list")
    async def list_machines(
        operator: Annotated[Operator, Depends(of_fleet)],
        *,
        tag: Annotated[str, Query(max_length=32)] = "",
        model: Annotated[str | None, Query(pattern=r"^mdl_[0-9a-z]{26}$")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: CursorText = None,
    ) -> Page[MachineView]:
        after = _place(cursor)
        return await fleet.machines(operator.merchant_id, after=after, limit=limit, tag=tag, model_id=model)

    @router.get("/machines/{machine_id}", operation_id="machines.get")
    async def get_machine(
        machine_id: Annotated[str, Path(pattern=MACHINE_ID)], operator: Annotated[Operator, Depends(of_fleet)]
    ) -> MachineDetailView:
        return await fleet.machine(operator.merchant_id, machine_id)

    @router.get("/orders", operation_id="orders.list")
    async def list_orders(
        operator: Annotated[Operator, Depends(of_orders)],
        *,
        machine: Annotated[str | None, Query(pattern=MACHINE_ID)] = None,
        state: Annotated[OrderState | None, Query()] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: CursorText = None,
    ) -> Page[OrderView]:
        wanted = OrderFilter(machine_id=machine, state=state)
        return await orders.orders(operator.merchant_id, wanted, after=_place(cursor), limit=limit)

    @router.get("/orders/{order_id}", operation_id="orders.get")
    async def get_order(
        order_id: Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")],
        operator: Annotated[Operator, Depends(of_orders)],
    ) -> OrderDetailView:
        return await orders.order(operator.merchant_id, order_id)

    return router


def _place(cursor: str | None) -> Cursor | None:
    return Cursor.from_text(cursor) if cursor else None
