"""The desk for ways to pay: an owner sets keys, tries them and switches a channel; people switch it at one machine.

Settings are taken only when a provider can be opened with them; no call is made for that. Every change leaves an event
with the person and the names of what changed, never a value. A new key is used by every worker within seconds, and the
old one believed no longer: what the platform still signs or seals for it is refused, told again by the platform, and
found by the look-ups meanwhile. A channel that is switched off takes no new payment; what was begun goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import bump_all, channel_order, channels_off, count_machines_off, set_channel_off
from vendomat.cloud.changes import note_change
from vendomat.cloud.machines import machine_exists
from vendomat.cloud.merchants import MasterKey, Operator, PaymentAccount, PaymentAccounts
from vendomat.cloud.payments.accounts.keys import check_pair, marks_of
from vendomat.cloud.payments.accounts.model import KeyMark, Settings, changed_names, check_new_account, merged
from vendomat.cloud.payments.accounts.noting import account_change, account_state
from vendomat.cloud.payments.accounts.store import count_open
from vendomat.cloud.payments.book import OpenProvider
from vendomat.cloud.payments.providers import (
    CHANNELS,
    Provider,
    SettingField,
    TradeState,
    open_provider,
    read_settings,
    setting_fields,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_event
from vendomat.kernel import Clock, ErrorCode, VendomatError, derive_id

FIELDS: Mapping[str, tuple[SettingField, ...]] = {
    channel: setting_fields(shape)
    for channel, (shape, _) in sorted(CHANNELS.items(), key=lambda item: channel_order(item[0]))
}


class Answers(StrEnum):
    """What a try said of an account.

    WeChat Pay does not sign "no such number": that the platform's own key fits is seen with the first payment there.
    """

    REACHABLE = "reachable"  # it answered as it answers those it knows
    KEYS_REFUSED = "keys_refused"  # it answered, and does not take our keys, or its answer does not fit its key
    NOT_REACHABLE = "not_reachable"  # no answer that can be used


@dataclass(frozen=True, slots=True)
class Tried:
    state: Answers
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One channel as people see it. `shown` has no secret in it; `marks` are of everything else that is set."""

    channel: str
    fields: Sequence[SettingField]
    account: PaymentAccount | None
    shown: Settings
    marks: Mapping[str, Sequence[KeyMark]]
    machines_off: int


@dataclass(frozen=True, slots=True)
class MachineChannel:
    """`is_active`: the merchant offers it at all; `is_away`: its platform does not answer now; `is_offered`: it is not
    taken away from this machine."""

    channel: str
    is_active: bool
    is_away: bool
    is_offered: bool


class AccountDesk:
    """One merchant's ways to pay, for its people. `wall` is true time, which platforms check."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        clock: Clock,
        *,
        wall: Clock | None = None,
        open_provider: OpenProvider = open_provider,
    ) -> None:
        self._database = database
        self._accounts = PaymentAccounts(database, master_key)
        self._master_key = master_key
        self._clock = clock
        self._wall = wall or clock
        self._open_provider = open_provider

    async def channels(self, merchant_id: str) -> list[ChannelAccount]:
        """Every channel there is, with the merchant's account where it has one."""
        async with self._database.merchant(merchant_id) as connection:
            accounts = {one.channel: one for one in await self._accounts.of_merchant(connection, merchant_id)}
            machines_off = await count_machines_off(connection, merchant_id)
        return [await self._seen(merchant_id, c, accounts.get(c), machines_off.get(c, 0)) for c in FIELDS]

    async def put(self, operator: Operator, channel: str, sent: Settings) -> ChannelAccount:
        """Set what was sent and keep the rest; a first account begins switched off.

        Raises `VendomatError`: not_found, invalid_value (a setting, a key, a pair that does not fit), conflict (another
        account at the platform while the old one is needed). Nothing changed then.
        """
        fields = _fields_of(channel)
        async with self._database.merchant(operator.merchant_id) as connection:
            before = await self._accounts.lock(connection, operator.merchant_id, channel)
            settings = merged(fields, before.settings if before else {}, sent)
            names = changed_names(before.settings if before else {}, settings)
            if names:
                account = await self._account_of(channel, settings)
                if before is not None:
                    await self._check_move(connection, before, settings)
                after = replace(
                    before or PaymentAccount(operator.merchant_id, channel, account, {}, is_active=False),
                    account=account,
                    settings=settings,
                )
                await self._keep(connection, operator, after)
                await self._tell(connection, operator, "payment_account.changed", after, settings=names)
                await self._note(connection, operator, "payment_account.changed", (before, after), settings=names)
        return await self._one(operator.merchant_id, channel)

    async def set_active(self, operator: Operator, channel: str, *, is_active: bool) -> ChannelAccount:
        """Switch a channel on or off at all of the merchant's machines. Raises `VendomatError(not_found)`."""
        _fields_of(channel)
        async with self._database.merchant(operator.merchant_id) as connection:
            before = await self._accounts.lock(connection, operator.merchant_id, channel)
            if before is None:
                raise _no_account()
            if before.is_active is not is_active:
                off_since = None if is_active else self._clock.now()
                after = replace(before, is_active=is_active, off_since=off_since)
                kind = "payment_account.activated" if is_active else "payment_account.deactivated"
                await self._keep(connection, operator, after)
                await self._tell(connection, operator, kind, after)
                await bump_all(connection, operator.merchant_id)
                await self._note(connection, operator, kind, (before, after))
        return await self._one(operator.merchant_id, channel)

    async def try_out(self, merchant_id: str, channel: str) -> Tried:
        """Ask the platform for a number that cannot exist. Changes nothing. Raises `VendomatError(not_found)`."""
        _fields_of(channel)
        async with self._database.merchant(merchant_id) as connection:
            accounts = await self._accounts.of_merchant(connection, merchant_id)
        account = next((one for one in accounts if one.channel == channel), None)
        if account is None:
            raise _no_account()
        provider = await self._opened(channel, account.settings)
        try:
            trade = await provider.look_up(derive_id("pay", "nobody", merchant_id, channel))
        finally:
            await provider.aclose()
        if trade.state is not TradeState.UNKNOWN:
            return Tried(Answers.REACHABLE)
        state = Answers.KEYS_REFUSED if trade.is_about_keys else Answers.NOT_REACHABLE
        return Tried(state, _without_secrets(trade.error, FIELDS[channel], account.settings))

    async def at_machine(self, merchant_id: str, machine_id: str) -> list[MachineChannel]:
        """The channels the merchant has, as one machine offers them. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            if not await machine_exists(connection, merchant_id, machine_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            off = await channels_off(connection, merchant_id, machine_id)
            accounts = await self._accounts.of_merchant(connection, merchant_id)
        return [
            MachineChannel(one.channel, one.is_active, one.away_since is not None, one.channel not in off)
            for one in sorted(accounts, key=lambda one: channel_order(one.channel))
        ]

    async def set_at_machine(
        self, operator: Operator, machine_id: str, channel: str, *, is_offered: bool
    ) -> list[MachineChannel]:
        """Offer a channel at one machine, or not. Said twice, it is done once. Raises `VendomatError(not_found)`."""
        _fields_of(channel)
        merchant_id, now = operator.merchant_id, self._clock.now()
        async with self._database.merchant(merchant_id) as connection:
            if not await machine_exists(connection, merchant_id, machine_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            if await set_channel_off(connection, merchant_id, machine_id, channel, is_off=not is_offered):
                said = {"channel": channel, "is_offered": is_offered, "operator_id": operator.operator_id}
                event = OutboxEvent(merchant_id, "machine.channel_changed", machine_id, said, now)
                await append_event(connection, event)
                states = [{"channel": channel, "is_offered": one} for one in (not is_offered, is_offered)]
                change = account_change(operator, event.kind, machine_id, at=now, before=states[0], after=states[1])
                await note_change(connection, change)
        return await self.at_machine(merchant_id, machine_id)

    async def _account_of(self, channel: str, settings: Settings) -> str:
        """The account that a provider opened with `settings` speaks for."""
        await asyncio.to_thread(check_pair, settings)
        provider = await self._opened(channel, settings)
        await provider.aclose()
        return provider.account

    async def _opened(self, channel: str, settings: Settings) -> Provider:
        """In a thread: keys are parsed."""
        return await asyncio.to_thread(self._open_provider, channel, settings, clock=self._wall, pool_size=1)

    async def _check_move(self, connection: AsyncConnection, before: PaymentAccount, settings: Settings) -> None:
        channel, now = before.channel, self._clock.now()
        if _identity(channel, before.settings) == _identity(channel, settings):
            return
        open_count = await count_open(connection, before.merchant_id, channel, before.account, now=now)
        check_new_account(is_active=before.is_active, off_since=before.off_since, now=now, open_count=open_count)

    async def _keep(self, connection: AsyncConnection, operator: Operator, account: PaymentAccount) -> None:
        changed = replace(account, changed_at=self._clock.now(), changed_by=operator.operator_id)
        await self._accounts.keep(connection, changed)

    async def _tell(
        self, connection: AsyncConnection, operator: Operator, kind: str, account: PaymentAccount, **more: object
    ) -> None:
        said = {"channel": account.channel, "account": account.account, "operator_id": operator.operator_id, **more}
        event = OutboxEvent(operator.merchant_id, kind, account.channel, said, self._clock.now())
        await append_event(connection, event)

    async def _note(
        self,
        connection: AsyncConnection,
        operator: Operator,
        action: str,
        accounts: tuple[PaymentAccount | None, PaymentAccount],
        *,
        settings: Sequence[str] = (),
    ) -> None:
        """The change log's entry; `settings` are the names of what changed, secrets among them."""
        before, after = (account_state(one, FIELDS[accounts[1].channel]) for one in accounts)
        named = {**(after or {}), "changed_settings": list(settings)} if settings else after
        change = account_change(operator, action, accounts[1].channel, at=self._clock.now(), before=before, after=named)
        await note_change(connection, change)

    async def _one(self, merchant_id: str, channel: str) -> ChannelAccount:
        return next(one for one in await self.channels(merchant_id) if one.channel == channel)

    async def _seen(
        self, merchant_id: str, channel: str, account: PaymentAccount | None, machines_off: int
    ) -> ChannelAccount:
        settings = account.settings if account else {}
        shown = {
            field.name: settings[field.name] for field in FIELDS[channel] if field.is_shown and field.name in settings
        }
        marks = await asyncio.to_thread(self._marks, merchant_id, channel, settings)
        return ChannelAccount(channel, FIELDS[channel], account, shown, marks, machines_off)

    def _marks(self, merchant_id: str, channel: str, settings: Settings) -> dict[str, list[KeyMark]]:
        mark_key = self._master_key.derive(f"payment_account_mark/{merchant_id}/{channel}")
        marks = {field.name: marks_of(field, settings.get(field.name), mark_key) for field in _people_s(channel)}
        return {name: found for name, found in marks.items() if found}


def _fields_of(channel: str) -> tuple[SettingField, ...]:
    if channel not in FIELDS:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such way to pay")
    return FIELDS[channel]


def _people_s(channel: str) -> list[SettingField]:
    return [field for field in FIELDS[channel] if field.is_of_merchant]


def _identity(channel: str, settings: Settings) -> tuple[str, ...]:
    identity: tuple[str, ...] = read_settings(channel, settings).identity
    return identity


def _no_account() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "this way to pay has no account yet; set it up first")


def _without_secrets(text: str, fields: Sequence[SettingField], settings: Settings) -> str:
    """A platform's words to its merchant, should it repeat what it was sent."""
    for field in fields:
        value = settings.get(field.name)
        for secret in value if isinstance(value, list | tuple) else [value]:
            if not field.is_shown and isinstance(secret, str) and secret:
                text = text.replace(secret, "…")
    return text
