"""`/api/v1/machines` as people change it: registered, let in by a link, tagged, and how cold it shall be inside."""

from datetime import datetime
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from vendomat.cloud.machines.enrolment import EnrolmentDoor
from vendomat.cloud.machines.model import BAND_AFTER_S_MAX, CELSIUS_MAX, CELSIUS_MIN, TAG_MAX, Band, NewMachine
from vendomat.cloud.machines.service import Machines
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE

MachineId = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]


Tag = Annotated[
    str, StringConstraints(min_length=1, max_length=TAG_MAX, strip_whitespace=True, pattern=r"^[^\s,]+( [^\s,]+)*$")
]
Celsius = Annotated[float, Field(ge=CELSIUS_MIN, le=CELSIUS_MAX)]
MACHINES_TAGGED_MAX, TAGS_MAX = 200, 20


class TagsBody(BaseModel):
    """What all of these machines get, and what is taken from them."""

    model_config = ConfigDict(extra="forbid")

    machine_ids: Annotated[
        list[Annotated[str, Field(pattern=r"^mch_[0-9a-z]{26}$")]], Field(min_length=1, max_length=MACHINES_TAGGED_MAX)
    ]
    add: Annotated[list[Tag], Field(max_length=TAGS_MAX)] = []
    remove: Annotated[list[Tag], Field(max_length=TAGS_MAX)] = []


class BandBody(BaseModel):
    """Temperatures that are wanted inside, and for how long they may be left before an alarm is raised."""

    model_config = ConfigDict(extra="forbid")

    low_c: Celsius
    high_c: Celsius
    after_s: Annotated[int, Field(ge=0, le=BAND_AFTER_S_MAX)] = 900


class ClimateBody(BaseModel):
    """`band` null: no temperature is wanted."""

    model_config = ConfigDict(extra="forbid")

    band: BandBody | None


class NewMachineBody(BaseModel):
    """`number` is the label on the machine, unique among the merchant's. Its time zone is the merchant's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    number: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\s]+( [^\s]+)*$")]
    name_zh: Name
    name_en: Name
    site: Annotated[str, Field(max_length=120)] = ""
    model_id: Annotated[str, Field(pattern=r"^mdl_[0-9a-z]{26}$")] | None = None


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
        new = NewMachine(body.number, body.name_zh, body.name_en, body.site, model_id=body.model_id)
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

    @router.post("/tags", operation_id="machines.tag", status_code=204)
    async def tag(body: TagsBody, operator: Annotated[Operator, Depends(changing)]) -> None:
        await machines.tag(
            operator.merchant_id, body.machine_ids, add=body.add, remove=body.remove, by=operator.operator_id
        )

    @router.put("/{machine_id}/climate", operation_id="machines.climate", status_code=204)
    async def climate(
        machine_id: MachineId, body: ClimateBody, operator: Annotated[Operator, Depends(changing)]
    ) -> None:
        band = Band(**body.band.model_dump()) if body.band is not None else None
        await machines.set_band(operator.merchant_id, machine_id, band, by=operator.operator_id)

    return router
