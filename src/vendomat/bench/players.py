"""The load: many machines, each selling again as soon as its last sale is settled, or when a buyer happens to come.

Warms up, measures, and lets every sale end. Decides nothing about what is fast enough.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from vendomat.bench.figures import LoadResult, latency_of
from vendomat.bench.platform_notice import NoticeSigner, PaidOrder
from vendomat.bench.player import PayFor, Player, Sale, Seat, Surroundings
from vendomat.bench.posting import Poster
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

CONNECTED_AT_ONCE = 8
FAILURES_KEPT = 5


class NoticePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Without the platform: what the generator signs notices with, and where the workers take them."""

    urls: list[str]
    private_pem: str
    key_id: str
    apiv3_key: str
    mchid: str
    appid: str


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`control_url` is the emulated platform's: a buyer pays there. Without it, `notices` says how it is done.

    With `per_second` buyers come by themselves, one by one at random, however long the others take; 0: a machine sells
    again at once. Each thinks for up to `thinks_s` before paying. `is_echo`: no sale, only a question and its answer.
    """

    seats: list[Seat]
    around: Surroundings
    warm_up_s: float
    seconds: float
    cycles_each: int = 0  # instead of a time: this many and no more
    control_url: str = ""
    notices: NoticePlan | None = None
    per_second: float = 0.0
    thinks_s: float = 0.0
    is_echo: bool = False


@dataclass
class Tally:
    """What was counted. Only cycles that end within [`begin`, `end`) of the loop's time are figures."""

    begin: float
    end: float
    all_cycles: int = 0
    to_command_s: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    trace: dict[str, str] = field(default_factory=dict)


class Buyers:
    """Who pays: at the emulated platform, or by notices of our own."""

    def __init__(self, plan: LoadPlan, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._notices = plan.notices
        urls = plan.notices.urls if plan.notices is not None else [plan.control_url]
        self._posters = [(Poster(url), urlsplit(url).path) for url in urls]
        self._turn = 0
        self._thinks_s = plan.thinks_s
        self._chance = random.Random(1)  # noqa: S311 - the same buyers in every run
        self.last: dict[str, str] = {}
        if plan.notices is not None:
            n = plan.notices
            self._signer = NoticeSigner(
                private_pem=n.private_pem, key_id=n.key_id, apiv3_key=n.apiv3_key, mchid=n.mchid, appid=n.appid
            )

    @property
    def pay_for(self) -> PayFor:
        return self._pay_at_platform if self._notices is None else self._notify

    async def _pay_at_platform(self, sale: Sale) -> None:
        body = msgspec.json.encode({"code": sale.order.offers[0].code_url})
        poster, _ = self._posters[0]
        await self._clock.sleep(self._chance.uniform(0, self._thinks_s))
        sale.paid_at = asyncio.get_running_loop().time()
        _expect(await poster.post("/control/wechat/pay", {"Content-Type": "application/json"}, body))

    async def _notify(self, sale: Sale) -> None:
        paid = PaidOrder(
            number=sale.order.offers[0].payment_id,
            amount_minor=sale.order.total_minor,
            notice_id=self._ids.new("ntc"),
            transaction_id=self._ids.new("txn"),
            at=self._clock.now(),
        )
        headers, body = self._signer.notice(paid)
        self.last = {paid.notice_id: "notice", paid.transaction_id: "trade"}
        self._turn = (self._turn + 1) % len(self._posters)
        poster, path = self._posters[self._turn]
        sale.paid_at = asyncio.get_running_loop().time()
        _expect(await poster.post(path, headers, body))

    async def aclose(self) -> None:
        for poster, _ in self._posters:
            await poster.aclose()


def _expect(status: int) -> None:
    if status not in (200, 204):
        raise VendomatError(ErrorCode.UNAVAILABLE, f"the payment was answered with {status}")


async def run_load(plan: LoadPlan, *, clock: Clock, ids: Ids) -> LoadResult:
    """Connect all machines, sell, and count."""
    players = [Player(seat, plan.around, clock=clock, ids=ids) for seat in plan.seats]
    places = asyncio.Semaphore(CONNECTED_AT_ONCE)

    async def connect(player: Player) -> None:
        async with places:
            await player.connect()
            if not plan.is_echo:
                await player.greet()

    await asyncio.gather(*(connect(player) for player in players))
    beats = [asyncio.create_task(player.beat()) for player in players if not plan.is_echo]
    buyers = Buyers(plan, clock=clock, ids=ids)
    begin = asyncio.get_running_loop().time() + plan.warm_up_s
    tally = Tally(begin, begin + plan.seconds)
    if plan.per_second:
        await _Arrivals(players, buyers, plan, tally).sell()
    else:
        await asyncio.gather(*(_sell(player, buyers, plan, tally) for player in players))
    for beat in beats:
        beat.cancel()
    await asyncio.gather(*beats, return_exceptions=True)
    await asyncio.gather(*(player.aclose() for player in players))
    await buyers.aclose()
    return LoadResult(
        cycles=len(tally.whole_s),
        seconds=plan.seconds,
        all_cycles=tally.all_cycles,
        failures=len(tally.failures),
        first_failures=tally.failures[:FAILURES_KEPT],
        payment_to_command=latency_of(tally.to_command_s),
        whole_cycle=latency_of(tally.whole_s),
        trace=tally.trace,
    )


async def _sell(player: Player, buyers: Buyers, plan: LoadPlan, tally: Tally) -> None:
    done = 0
    while asyncio.get_running_loop().time() < tally.end and (not plan.cycles_each or done < plan.cycles_each):
        done += 1
        await _sell_once(player, buyers, plan, tally)


class _Arrivals:
    """Buyers who come at random moments (a Poisson process) to a machine that is free."""

    def __init__(self, players: list[Player], buyers: Buyers, plan: LoadPlan, tally: Tally) -> None:
        self._buyers = buyers
        self._plan = plan
        self._tally = tally
        self._free = list(players)
        self._chance = random.Random(2)  # noqa: S311 - the same buyers in every run

    async def sell(self) -> None:
        """A buyer who finds no machine free is a failure: the load was not what it is said to have been."""
        loop = asyncio.get_running_loop()
        at = loop.time()
        async with asyncio.TaskGroup() as sales:
            while (at := at + self._chance.expovariate(self._plan.per_second)) < self._tally.end:
                await asyncio.sleep(at - loop.time())
                if self._free:
                    sales.create_task(self._serve(self._free.pop(0)))
                else:
                    self._tally.failures.append("a buyer came and no machine was free")

    async def _serve(self, player: Player) -> None:
        await _sell_once(player, self._buyers, self._plan, self._tally)
        self._free.append(player)


async def _sell_once(player: Player, buyers: Buyers, plan: LoadPlan, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        if plan.is_echo:
            to_command_s = await player.echo()
        else:
            sale, to_command_s = await player.cycle(buyers.pay_for)
            tally.trace = _trace(sale) | buyers.last
    except Exception as error:  # a benchmark that hides a failed sale is worthless: each one is counted
        tally.failures.append(f"{type(error).__name__}: {error}")
        return
    tally.all_cycles += 1
    if tally.begin <= loop.time() < tally.end:
        tally.to_command_s.append(to_command_s)
        tally.whole_s.append(loop.time() - began)


def _trace(sale: Sale) -> dict[str, str]:
    """The cycle's own numbers, each with a name."""
    order = sale.order
    named = {order.order_id: "sale", order.offers[0].payment_id: "payment", sale.request_id: "request"}
    facts = {str(seq): f"fact{place}" for place, seq in enumerate(sale.facts, start=1)}
    return named | {sale.cmd_id: "command"} | facts
