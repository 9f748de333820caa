"""`/api/v1/machines` as people change it: register a machine, and make the link by which it enrols."""

from datetime import datetime
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.machines.enrolment import EnrolmentDoor
from vendomat.cloud.machines.model import NewMachine
from vendomat.cloud.machines.service import Machines
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE

MachineId = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class NewMachineBody(BaseModel):
    """`number` is the label on the machine, unique among the merchant's. Its time zone is the merchant's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    number: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\s]+( [^\s]+)*$")]
    name_zh: Name
    name_en: Name
    site: Annotated[str, Field(max_length=120)] = ""


class NewMachineView(BaseModel):
    id: str
    number: str


class MachineLinkView(BaseModel):
    """`link` lets one machine in, once, and is shown here and never again; `qr` draws it; `commands` use it."""

    number: str
    link: str
    qr: str
    commands: list[str]
    expires_at: datetime


def machines_router(machines: Machines, door: EnrolmentDoor, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/machines", tags=["machines"])
    changing = permitted(current, Permission.MACHINE_CHANGE)
    letting_in = permitted(current, Permission.MACHINE_CHANGE, is_proven=True)

    @router.post("", operation_id="machines.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(body: NewMachineBody, operator: Annotated[Operator, Depends(changing)]) -> NewMachineView:
        new = NewMachine(body.number, body.name_zh, body.name_en, body.site)
        machine_id = await machines.create_at_home(operator.merchant_id, new, by=operator.operator_id)
        return NewMachineView(id=machine_id, number=body.number)

    @router.post("/{machine_id}/enrolment", operation_id="machines.link")
    async def link(
        machine_id: MachineId, response: Response, operator: Annotated[Operator, Depends(letting_in)]
    ) -> MachineLinkView:
        response.headers["Cache-Control"] = "no-store"
        token = await machines.issue_token(operator.merchant_id, machine_id, by=operator.operator_id)
        text = str(door.link(token.text))
        return MachineLinkView(
            number=token.number,
            link=text,
            qr=segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True),
            commands=[f"vendomat enrol '{text}' --data machine", "vendomat terminal --data machine"],
            expires_at=token.expires_at,
        )

    return router
