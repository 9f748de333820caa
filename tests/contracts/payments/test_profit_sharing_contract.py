"""Sharing the money of a payment: what every provider that does it must do, and must never say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from tests.contracts.payments.conftest import World, wechat_settings
from tests.contracts.payments.payment_stage import Stage
from tests.contracts.payments.test_payments_contract import DONE
from vendomat.cloud.payments.providers import (
    ProfitSharing,
    Provider,
    Receiver,
    ReceiverKind,
    RefundRequest,
    RefundState,
    Share,
    ShareState,
    Sharing,
    SharingRequest,
    SharingState,
    StartState,
    TakeBackRequest,
    TakeBackState,
    open_provider,
)
from vendomat.kernel import Money
from vendomat.simulator.gateways import CallFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat"], indirect=True, scope="module"),
]

LANDLORD = "oLandlord00000000000000000000"
ENDED = (ShareState.SUCCEEDED, ShareState.CLOSED)


def cny(fen: int) -> Money:
    return Money(fen, "CNY")


@dataclass
class Firm:
    """A merchant whose payments are shared with a partner and a landlord."""

    stage: Stage
    sharing: ProfitSharing
    partner: str

    async def paid(self, fen: int = 1_000, *, seconds: float = 60) -> str:
        """A shared payment that can be shared out now; its transaction."""
        request = replace(self.stage.request(fen), is_shared=True)
        assert (await self.stage.provider.start(request)).state is StartState.STARTED
        self.stage.pay(request.number)
        await self.stage.pass_time(seconds)
        return (await self.stage.provider.look_up(request.number)).transaction_id

    def request(self, transaction_id: str, *shares: tuple[str, int], frees_rest: bool = False) -> SharingRequest:
        made = tuple(
            Share(ReceiverKind.PERSON if who.startswith("o") else ReceiverKind.MERCHANT, who, cny(fen), "rent")
            for who, fen in shares
        )
        return SharingRequest(self.stage.request().number, transaction_id, made, frees_rest)

    async def settled(self, request: SharingRequest) -> Sharing:
        await self.stage.pass_time(3)
        return await self.sharing.look_up(request.number, request.transaction_id)

    def balance_fen(self, mchid: str = "") -> int:
        account = mchid or self.stage.provider.account
        return int(self.stage.platform.books_now.merchants[account].balance_fen)

    @property
    def available_fen(self) -> int:
        books = self.stage.platform.books_now
        return int(books.available_fen(self.stage.provider.account, self.stage.clock.now()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def merchants(world: World) -> AsyncIterator[tuple[Provider, str]]:
    account, partner = (world.server.open_wechat_account(name) for name in ("Firm", "Partner"))
    settings = wechat_settings(account) | {"shares_profit": True, "timeout_s": 2.0}
    provider = open_provider("wechat", settings, clock=world.clock, pool_size=4)
    yield provider, partner.mchid
    await provider.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def firm(stage: Stage, merchants: tuple[Provider, str]) -> Firm:
    stage.provider, partner = merchants
    await stage.pass_time(3)  # what earlier tests left on its way arrives now
    sharing = stage.provider.profit_sharing  # type: ignore[attr-defined]
    assert await sharing.add_receiver(Receiver(ReceiverKind.MERCHANT, partner, "伙伴公司")) == ""
    assert await sharing.add_receiver(Receiver(ReceiverKind.PERSON, LANDLORD, relation="STAFF")) == ""
    return Firm(stage, sharing, partner)


async def test_money_is_frozen_shared_and_set_free(firm: Firm):
    before, partner_before = firm.available_fen, firm.balance_fen(firm.partner)
    transaction = await firm.paid(1_000)
    assert (firm.available_fen, await firm.sharing.left(transaction)) == (before, cny(1_000))
    request = firm.request(transaction, (firm.partner, 200), (LANDLORD, 50))
    made = await firm.sharing.share(request)
    assert (made.state, {share.state for share in made.shares}) == (SharingState.PROCESSING, {ShareState.PENDING})
    done = await firm.settled(request)
    assert (done.state, {share.state for share in done.shares}) == (SharingState.FINISHED, {ShareState.SUCCEEDED})
    assert firm.balance_fen(firm.partner) == partner_before + 200
    assert (firm.available_fen, await firm.sharing.left(transaction)) == (before, cny(750))
    freed = await firm.sharing.set_free(firm.stage.request().number, transaction, "the rest")
    assert freed.state is SharingState.FINISHED
    assert (firm.available_fen, await firm.sharing.left(transaction)) == (before + 750, cny(0))


async def test_the_last_sharing_frees_the_rest(firm: Firm):
    before, transaction = firm.available_fen, await firm.paid(1_000)
    request = firm.request(transaction, (firm.partner, 300), frees_rest=True)
    await firm.sharing.share(request)
    await firm.settled(request)
    assert firm.available_fen == before + 700
    assert (await firm.sharing.share(firm.request(transaction, (firm.partner, 1)))).state is SharingState.REFUSED


async def test_finished_is_not_yet_got(firm: Firm):
    """The order ran; the one share came through and the other's money is the merchant's again."""
    transaction = await firm.paid(1_000)
    firm.stage.platform.sharing.close_next_shares("ACCOUNT_ABNORMAL", 1)
    request = firm.request(transaction, (firm.partner, 100), (LANDLORD, 50))
    await firm.sharing.share(request)
    done = await firm.settled(request)
    assert done.state is SharingState.FINISHED
    states = {share.account: (share.state, share.error) for share in done.shares}
    assert states == {
        firm.partner: (ShareState.CLOSED, "ACCOUNT_ABNORMAL"),
        LANDLORD: (ShareState.SUCCEEDED, ""),
    }
    assert await firm.sharing.left(transaction) == cny(950)


async def test_the_same_number_again_shares_once_and_with_other_shares_nothing(firm: Firm):
    before, transaction = firm.balance_fen(), await firm.paid(1_000)
    request = firm.request(transaction, (firm.partner, 100))
    for _ in range(3):
        assert (await firm.sharing.share(request)).state is SharingState.PROCESSING
    other = replace(request, shares=firm.request(transaction, (firm.partner, 120)).shares)
    assert (await firm.sharing.share(other)).state is SharingState.UNKNOWN
    await firm.settled(request)
    assert firm.balance_fen() == before + 1_000 - 100


async def test_setting_free_under_a_used_number_frees_nothing(firm: Firm):
    transaction = await firm.paid(1_000)
    request = firm.request(transaction, (firm.partner, 100))
    await firm.sharing.share(request)
    await firm.sharing.set_free(request.number, transaction, "used before")
    await firm.settled(request)
    assert await firm.sharing.left(transaction) == cny(900)


@pytest.mark.parametrize("case", ["ceiling", "together", "stranger", "too soon", "too late", "not shared"])
async def test_what_is_refused_moves_nothing(firm: Firm, case: str):
    transaction = await firm.paid(1_000, seconds=59 if case == "too soon" else 60)
    if case == "together":
        await firm.sharing.share(firm.request(transaction, (firm.partner, 200)))
    if case == "too late":
        await firm.stage.pass_time(30 * 86_400)
    if case == "not shared":
        plain = await firm.stage.paid(1_000)
        await firm.stage.pass_time(60)
        transaction = (await firm.stage.provider.look_up(plain.number)).transaction_id
    shares = {
        "ceiling": (firm.partner, 301),
        "together": (firm.partner, 101),
        "stranger": ("oStranger", 1),
    }
    before = firm.balance_fen(firm.partner)
    request = firm.request(transaction, shares.get(case, (firm.partner, 1)))
    refused = await firm.sharing.share(request)
    assert (refused.state, bool(refused.error)) == (SharingState.REFUSED, True)
    assert (await firm.sharing.look_up(request.number, transaction)).state is SharingState.NOT_FOUND
    await firm.stage.pass_time(3)
    assert firm.balance_fen(firm.partner) - before in (0, 200)


async def test_what_is_never_shared_is_free_after_thirty_days(firm: Firm):
    await firm.stage.pass_time(31 * 86_400)  # what earlier tests left frozen is free, and paid out
    firm.stage.platform.advance()
    before, transaction = firm.available_fen, await firm.paid(1_000)
    await firm.stage.pass_time(30 * 86_400 - 61)
    assert await firm.sharing.left(transaction) == cny(1_000)
    await firm.stage.pass_time(1)
    assert await firm.sharing.left(transaction) == cny(0)
    assert firm.available_fen == before + 1_000


async def test_a_refund_takes_from_what_is_frozen(firm: Firm):
    request = replace(firm.stage.request(1_000), is_shared=True)
    await firm.stage.provider.start(request)
    firm.stage.pay(request.number)
    before = firm.available_fen
    refund = RefundRequest(request.number, f"ref_{request.number}", cny(400), cny(1_000), "off", firm.stage.notify_url)
    assert (await firm.stage.provider.refund(refund)).state is RefundState.PROCESSING
    transaction = (await firm.stage.provider.look_up(request.number)).transaction_id
    assert (firm.available_fen, await firm.sharing.left(transaction)) == (before, cny(600))


@pytest.mark.parametrize("fault", [CallFault.TIMEOUT_BEFORE, CallFault.ERROR_BEFORE, CallFault.RATE_LIMITED])
async def test_not_done_is_unknown_then_done(firm: Firm, fault: CallFault):
    request = firm.request(await firm.paid(), (firm.partner, 100))
    firm.stage.fail(fault, "share")
    assert (await firm.sharing.share(request)).state is SharingState.UNKNOWN
    assert (await firm.sharing.share(request)).state is SharingState.PROCESSING


@pytest.mark.parametrize("fault", DONE)
async def test_done_is_unknown_or_found_and_done_once(firm: Firm, fault: CallFault):
    before = firm.balance_fen(firm.partner)
    request = firm.request(await firm.paid(), (firm.partner, 100))
    firm.stage.fail(fault, "share")
    assert (await firm.sharing.share(request)).state in (SharingState.UNKNOWN, SharingState.PROCESSING)
    assert (await firm.sharing.share(request)).state is SharingState.PROCESSING
    assert {share.state for share in (await firm.settled(request)).shares} == {ShareState.SUCCEEDED}
    assert firm.balance_fen(firm.partner) == before + 100


class TestTakingBack:
    async def shared(self, firm: Firm, fen: int = 200) -> SharingRequest:
        request = firm.request(await firm.paid(), (firm.partner, fen))
        await firm.sharing.share(request)
        await firm.settled(request)
        return request

    def back(self, firm: Firm, request: SharingRequest, fen: int) -> TakeBackRequest:
        return TakeBackRequest(firm.stage.request().number, request.number, firm.partner, cny(fen), "wrong share")

    async def test_part_of_a_share_comes_back_and_never_more_than_it_was(self, firm: Firm):
        request = await self.shared(firm, 200)
        before = firm.available_fen
        back = self.back(firm, request, 150)
        for _ in range(2):
            assert (await firm.sharing.take_back(back)).state is TakeBackState.PROCESSING
        await firm.stage.pass_time(3)
        assert (await firm.sharing.look_up_take_back(back)).state is TakeBackState.SUCCEEDED
        assert firm.available_fen == before + 150
        assert (await firm.sharing.take_back(self.back(firm, request, 51))).state is TakeBackState.REFUSED
        assert (await firm.sharing.take_back(self.back(firm, request, 50))).state is TakeBackState.PROCESSING

    async def test_what_failed_can_be_tried_under_a_new_number(self, firm: Firm):
        request = await self.shared(firm, 200)
        firm.stage.platform.sharing.fail_next_returns(1)
        back = self.back(firm, request, 200)
        await firm.sharing.take_back(back)
        await firm.stage.pass_time(3)
        failed = await firm.sharing.look_up_take_back(back)
        assert (failed.state, bool(failed.error)) == (TakeBackState.FAILED, True)
        assert (await firm.sharing.take_back(self.back(firm, request, 200))).state is TakeBackState.PROCESSING

    async def test_after_half_a_year_or_of_nothing_it_is_refused(self, firm: Firm):
        request = await self.shared(firm)
        nothing = replace(self.back(firm, request, 1), sharing_number="pay_nobody_has_this")
        assert (await firm.sharing.take_back(nothing)).state is TakeBackState.REFUSED
        await firm.stage.pass_time(180 * 86_400)
        assert (await firm.sharing.take_back(self.back(firm, request, 1))).state is TakeBackState.REFUSED

    @pytest.mark.parametrize("fault", [CallFault.TIMEOUT_AFTER, CallFault.FORGED_ANSWER, CallFault.ERROR_BEFORE])
    async def test_without_an_answer_it_is_asked_again(self, firm: Firm, fault: CallFault):
        request = await self.shared(firm, 200)
        before, back = firm.available_fen, self.back(firm, request, 100)
        firm.stage.fail(fault, "share_return")
        assert (await firm.sharing.take_back(back)).state in (TakeBackState.UNKNOWN, TakeBackState.PROCESSING)
        assert (await firm.sharing.take_back(back)).state is TakeBackState.PROCESSING
        await firm.stage.pass_time(3)
        assert firm.available_fen == before + 100


async def test_a_merchant_is_added_under_its_name_only(firm: Firm):
    assert "PARAM_ERROR" in await firm.sharing.add_receiver(Receiver(ReceiverKind.MERCHANT, firm.partner))


async def test_what_must_not_even_be_sent(firm: Firm):
    transaction = await firm.paid()
    for request in (
        firm.request(transaction),
        firm.request(transaction, (firm.partner, 1), (firm.partner, 2)),
        firm.request(transaction, (firm.partner, 0)),
    ):
        assert (await firm.sharing.share(request)).state is SharingState.REFUSED


async def test_an_account_that_shares_nothing_offers_nothing_shared(stage: Stage):
    assert stage.provider.profit_sharing is None  # type: ignore[attr-defined]
    assert (await stage.provider.start(replace(stage.request(), is_shared=True))).state is StartState.REFUSED
