"""`/api/v1/payment-accounts`: ways to pay, their settings (secrets go in and never come out), a try, a switch; and
`/api/v1/machines/{machine}/channels`: what one machine offers.

An owner changes accounts; whoever may change anything switches a channel at a machine or tries an account.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.payments.accounts.model import MarkKind
from vendomat.cloud.payments.accounts.service import AccountDesk, Answers, ChannelAccount, MachineChannel
from vendomat.cloud.payments.providers import SettingField, SettingForm

SETTINGS_MAX = 40
Channel = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
Machine = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]
Setting = str | bool | list[str] | None


class SettingsBody(BaseModel):
    """What is to be set; null takes a setting away, and what is not named stays."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    settings: Annotated[dict[str, Setting], Field(max_length=SETTINGS_MAX)]


class OfferBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    is_offered: bool


class FieldView(BaseModel):
    """`form`: line, text (PEM), flag, choice, list or texts. `is_secret`: goes in and never comes out."""

    name: str
    form: SettingForm
    is_secret: bool
    is_shown: bool
    is_required: bool
    choices: list[str]


class MarkView(BaseModel):
    kind: MarkKind
    text: str
    until: datetime | None


class PaymentAccountView(BaseModel):
    """`settings` are those that may be shown; `marks` has an entry for each of the others that is set."""

    account: str
    is_active: bool
    off_since: datetime | None
    away_since: datetime | None
    changed_at: datetime | None
    changed_by_name: str
    settings: dict[str, str | bool | list[str]]
    marks: dict[str, list[MarkView]]


class ChannelView(BaseModel):
    channel: str
    fields: list[FieldView]
    account: PaymentAccountView | None
    machines_off: int


class ChannelsView(BaseModel):
    data: list[ChannelView]


class TriedView(BaseModel):
    """`state`: reachable, keys_refused or not_reachable; `detail` is what the platform said."""

    state: Answers
    detail: str


class MachineChannelView(BaseModel):
    channel: str
    is_active: bool
    is_away: bool
    is_offered: bool


class MachineChannelsView(BaseModel):
    data: list[MachineChannelView]


def accounts_router(desk: AccountDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["payment accounts"])
    reading = permitted(current, Permission.KEYS_READ)
    changing = permitted(current, Permission.KEYS_CHANGE, is_proven=True)
    trying = permitted(current, Permission.KEYS_TRY)
    looking = permitted(current, Permission.FLEET_READ)
    offering = permitted(current, Permission.MACHINE_CHANGE)

    @router.get("/payment-accounts", operation_id="payment_accounts.list")
    async def list_accounts(operator: Annotated[Operator, Depends(reading)], response: Response) -> ChannelsView:
        response.headers["Cache-Control"] = "no-store"
        return ChannelsView(data=[_view(one) for one in await desk.channels(operator.merchant_id)])

    @router.put("/payment-accounts/{channel}", operation_id="payment_accounts.put")
    async def put(
        channel: Channel, body: SettingsBody, operator: Annotated[Operator, Depends(changing)]
    ) -> ChannelView:
        return _view(await desk.put(operator, channel, body.settings))

    @router.post("/payment-accounts/{channel}/activate", operation_id="payment_accounts.activate")
    async def activate(channel: Channel, operator: Annotated[Operator, Depends(changing)]) -> ChannelView:
        return _view(await desk.set_active(operator, channel, is_active=True))

    @router.post("/payment-accounts/{channel}/deactivate", operation_id="payment_accounts.deactivate")
    async def deactivate(channel: Channel, operator: Annotated[Operator, Depends(changing)]) -> ChannelView:
        return _view(await desk.set_active(operator, channel, is_active=False))

    @router.post("/payment-accounts/{channel}/try", operation_id="payment_accounts.try")
    async def try_out(channel: Channel, operator: Annotated[Operator, Depends(trying)]) -> TriedView:
        tried = await desk.try_out(operator.merchant_id, channel)
        return TriedView(state=tried.state, detail=tried.detail)

    @router.get("/machines/{machine_id}/channels", operation_id="machine_channels.list")
    async def at_machine(machine_id: Machine, operator: Annotated[Operator, Depends(looking)]) -> MachineChannelsView:
        return _machine_view(await desk.at_machine(operator.merchant_id, machine_id))

    @router.put("/machines/{machine_id}/channels/{channel}", operation_id="machine_channels.put")
    async def set_at_machine(
        machine_id: Machine, channel: Channel, body: OfferBody, operator: Annotated[Operator, Depends(offering)]
    ) -> MachineChannelsView:
        return _machine_view(await desk.set_at_machine(operator, machine_id, channel, is_offered=body.is_offered))

    return router


def _view(one: ChannelAccount) -> ChannelView:
    fields = [_field_view(field) for field in one.fields if field.is_of_merchant]
    account = None
    if one.account is not None:
        account = PaymentAccountView(
            account=one.account.account,
            is_active=one.account.is_active,
            off_since=one.account.off_since,
            away_since=one.account.away_since,
            changed_at=one.account.changed_at,
            changed_by_name=one.account.changed_by_name,
            settings=msgspec.convert(one.shown, dict[str, str | bool | list[str]]),
            marks={
                name: [MarkView(kind=mark.kind, text=mark.text, until=mark.until) for mark in marks]
                for name, marks in one.marks.items()
            },
        )
    return ChannelView(channel=one.channel, fields=fields, account=account, machines_off=one.machines_off)


def _field_view(field: SettingField) -> FieldView:
    return FieldView(
        name=field.name,
        form=field.form,
        is_secret=field.is_secret,
        is_shown=field.is_shown,
        is_required=field.is_required,
        choices=list(field.choices),
    )


def _machine_view(channels: list[MachineChannel]) -> MachineChannelsView:
    return MachineChannelsView(data=[MachineChannelView(**asdict(one)) for one in channels])
