"""`/api/v1/sites`: places, their owners, the machines there and the terms agreed, each from a first day on."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.sites.model import (
    BASIS_POINTS_MAX,
    DAY_MINUTES,
    STEPS_MAX,
    Coordinates,
    Opening,
    Rule,
    Site,
    Stay,
    Step,
    Terms,
)
from vendomat.cloud.sites.service import Sites
from vendomat.kernel import MINOR_UNITS_MAX

SiteId = Annotated[str, Path(pattern=r"^sit_[0-9a-z]{26}$")]
MachineId = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]
Amount = Annotated[int, Field(ge=0, le=MINOR_UNITS_MAX, strict=True)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(3000, 1, 1))]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class SiteBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    owner: Name


class OpeningBody(BaseModel):
    """Open from minute to minute of the day; what ends at or before its beginning ends on the next day."""

    model_config = ConfigDict(extra="forbid")

    from_minute: Annotated[int, Field(ge=0, le=DAY_MINUTES, strict=True)]
    until_minute: Annotated[int, Field(ge=0, le=DAY_MINUTES, strict=True)]


class CoordinatesBody(BaseModel):
    """Degrees in WGS 84. What a Chinese map service shows is GCJ-02, some hundred metres off: convert it before."""

    model_config = ConfigDict(extra="forbid")

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class PlaceBody(SiteBody):
    """`opening`: seven days from Monday on, null for one that is closed; none: it is always open. Without `coordinates`
    the site is on no map."""

    address: Annotated[str, Field(max_length=300)] = ""
    opening: Annotated[list[OpeningBody | None], Field(max_length=7)] = []
    coordinates: CoordinatesBody | None = None


class StayBody(BaseModel):
    """`is_leaving`: from that day on the machine stands at no site."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day
    is_leaving: bool = False


class StepBody(BaseModel):
    """From `from_minor` of a month's net sales on, `basis_points` of what is above it."""

    model_config = ConfigDict(extra="forbid")

    from_minor: Amount
    basis_points: Annotated[int, Field(ge=0, le=BASIS_POINTS_MAX, strict=True)]


class TermsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: Annotated[list[StepBody], Field(max_length=STEPS_MAX)] = []
    per_unit_minor: Amount = 0
    fixed_minor: Amount = 0
    minimum_minor: Amount = 0


class SiteView(BaseModel):
    """`machines` stand there today; `owed_minor` is what was stated and not paid out yet."""

    id: str
    name: str
    owner: str
    address: str
    machines: int
    owed_minor: int


class StayView(BaseModel):
    machine_id: str
    first_day: date
    is_here: bool


class RuleView(TermsBody):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    first_day: date


class ArrangementView(BaseModel):
    id: str
    name: str
    owner: str
    address: str
    opening: list[OpeningBody | None]
    coordinates: CoordinatesBody | None
    stays: list[StayView]
    rules: list[RuleView]


def sites_router(sites: Sites, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/sites", tags=["sites"])
    reading = permitted(current, Permission.SITE_READ)
    changing = permitted(current, Permission.SITE_CHANGE)

    @router.get("", operation_id="sites.list")
    async def list_sites(operator: Annotated[Operator, Depends(reading)]) -> list[SiteView]:
        rows = await sites.sites(operator.merchant_id)
        return [SiteView.model_validate({**row, "id": row["site_id"]}) for row in rows]

    @router.post("", operation_id="sites.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(
        body: SiteBody, operator: Annotated[Operator, Depends(changing)], idempotency_key: Annotated[str, Header()]
    ) -> ArrangementView:
        site = await sites.create(operator, body.name, body.owner, request_key=idempotency_key)
        return await _arrangement(sites, operator, site.site_id)

    @router.get("/{site_id}", operation_id="sites.get")
    async def arrangement(site_id: SiteId, operator: Annotated[Operator, Depends(reading)]) -> ArrangementView:
        return await _arrangement(sites, operator, site_id)

    @router.put("/{site_id}", operation_id="sites.change")
    async def change(
        site_id: SiteId, body: PlaceBody, operator: Annotated[Operator, Depends(changing)]
    ) -> ArrangementView:
        opening = tuple(None if one is None else Opening(one.from_minute, one.until_minute) for one in body.opening)
        place = None if body.coordinates is None else Coordinates(**body.coordinates.model_dump())
        await sites.change(operator, Site(site_id, body.name, body.owner, body.address, opening, place))
        return await _arrangement(sites, operator, site_id)

    @router.put("/{site_id}/machines/{machine_id}", operation_id="sites.stay")
    async def stay(
        site_id: SiteId, machine_id: MachineId, body: StayBody, operator: Annotated[Operator, Depends(changing)]
    ) -> ArrangementView:
        place = None if body.is_leaving else site_id
        await sites.stay(operator, Stay(machine_id, body.first_day, place))
        return await _arrangement(sites, operator, site_id)

    @router.put("/{site_id}/rules/{first_day}", operation_id="sites.agree")
    async def agree(
        site_id: SiteId, first_day: Day, body: TermsBody, operator: Annotated[Operator, Depends(changing)]
    ) -> ArrangementView:
        steps = tuple(Step(step.from_minor, step.basis_points) for step in body.steps)
        terms = Terms(steps, body.per_unit_minor, body.fixed_minor, body.minimum_minor)
        await sites.agree(operator, site_id, Rule(first_day, terms))
        return await _arrangement(sites, operator, site_id)

    return router


async def _arrangement(sites: Sites, operator: Operator, site_id: str) -> ArrangementView:
    site, stays, rules = await sites.arrangement(operator.merchant_id, site_id)
    return ArrangementView(
        id=site.site_id,
        name=site.name,
        owner=site.owner,
        address=site.address,
        opening=[
            None if one is None else OpeningBody(from_minute=one.from_minute, until_minute=one.until_minute)
            for one in site.opening
        ],
        coordinates=None if site.coordinates is None else CoordinatesBody(**asdict(site.coordinates)),
        stays=[
            StayView(machine_id=one.machine_id, first_day=one.first_day, is_here=one.site_id == site_id)
            for one in stays
        ],
        rules=[_rule_view(rule) for rule in rules],
    )


def _rule_view(rule: Rule) -> RuleView:
    terms = rule.terms
    return RuleView(
        first_day=rule.first_day,
        steps=[StepBody(from_minor=step.from_minor, basis_points=step.basis_points) for step in terms.steps],
        per_unit_minor=terms.per_unit_minor,
        fixed_minor=terms.fixed_minor,
        minimum_minor=terms.minimum_minor,
    )
