"""Notices to the merchant: the platforms' real retry schedules, on an injected clock, with faults to order.

A notice keeps its id and content over all sendings; only its signature and time stamp are made anew. The engine never
decides whether money moved: it repeats what the books already say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import urllib3

from vendomat.kernel import Clock
from vendomat.simulator.gateways.faults import FaultBook, NoticeFault
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import Change, RecordStore
from vendomat.simulator.gateways.virtual_clock import true_clock_of

KIND = "notice"
REORDER_WAIT_S = 30.0
SENDERS = 16
ANSWER_CHARACTERS_MAX = 200


class NoticeState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    LOST = "lost"
    GIVEN_UP = "given_up"


class Guise(StrEnum):
    """How a sending is dressed: as the platform does, or as one of the ways in which it must be refused."""

    GENUINE = "genuine"
    FORGED = "forged"
    SIGNTEST = "signtest"
    STALE = "stale"
    WRONG_KEY = "wrong_key"
    XML = "xml"  # the older protocol's form


_GUISES = {
    NoticeFault.FORGED: Guise.FORGED,
    NoticeFault.SIGNTEST: Guise.SIGNTEST,
    NoticeFault.STALE: Guise.STALE,
    NoticeFault.WRONG_KEY: Guise.WRONG_KEY,
    NoticeFault.XML: Guise.XML,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice. `content` is what the platform signs; `sendings` counts the scheduled ones."""

    notice_id: str
    platform: str
    account: str
    number: str
    kind: str
    url: str
    content: str
    created_at: datetime
    due_at: datetime
    state: NoticeState = NoticeState.PENDING
    sendings: int = 0
    answers: tuple[str, ...] = ()


class Dresser(Protocol):
    """What a platform adds to a notice: schedule, signature, and what counts as an answer."""

    @property
    def retry_delays_s(self) -> tuple[float, ...]: ...

    def dress(self, notice: Notice, guise: Guise, now: datetime) -> tuple[Mapping[str, str], bytes]: ...

    def is_accepted(self, status: int, body: bytes) -> bool: ...


def xml_copy(notice: Notice) -> tuple[Mapping[str, str], bytes]:
    """What a platform without an older protocol sends instead: a document that nobody signed."""
    return {"Content-Type": "text/xml"}, f"<xml><id>{notice.notice_id}</id></xml>".encode()


class NoticeEngine:
    """Sends planned notices, each in its own task, until accepted, lost or given up."""

    def __init__(
        self, settings: GatewaySettings, clock: Clock, store: RecordStore, faults: FaultBook[NoticeFault]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._true_clock = true_clock_of(clock)
        self._store = store
        self._faults = faults
        self._dressers: dict[str, Dresser] = {}
        self._notices: dict[str, Notice] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: dict[str, asyncio.Event] = {}
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        # Kept connections in a few threads: an asynchronous client's own pool costs ten times as much under load.
        self._threads = ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="notices")
        self._pool = urllib3.PoolManager(
            num_pools=32,
            maxsize=SENDERS,
            retries=False,
            timeout=urllib3.Timeout(total=settings.notice_timeout_s),
        )

    def register(self, platform: str, dresser: Dresser) -> None:
        self._dressers[platform] = dresser

    def of(self, platform: str) -> list[Notice]:
        """Every notice of `platform`, oldest first."""
        return [notice for notice in self._notices.values() if notice.platform == platform]

    def find(self, platform: str, notice_id: str) -> Notice:
        """Raises KeyError when `platform` has no such notice."""
        notice = self._notices[notice_id]
        if notice.platform != platform:
            raise KeyError(notice_id)
        return notice

    def plan(self, notice: Notice, *, is_lost: bool = False) -> Notice:
        """`notice` as it will be recorded: due after the first delay, or already lost."""
        if is_lost:
            return replace(notice, state=NoticeState.LOST)
        return replace(notice, due_at=notice.due_at + timedelta(seconds=self._settings.notice_first_delay_s))

    def begin(self, notice: Notice) -> None:
        """Take over a notice that is already on record."""
        self._notices[notice.notice_id] = notice
        if notice.state == NoticeState.PENDING and notice.url:
            task = asyncio.create_task(self._run(notice), name=f"notice {notice.notice_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def resume(self) -> None:
        """Go on with everything a former process left pending."""
        for _, notice in self._store.load(KIND, Notice):
            self.begin(notice)

    async def settled(self) -> None:
        """Wait until no sending is under way."""
        while self._under_way:
            await self._quiet.wait()

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        self._pool.clear()

    async def send_once(self, notice: Notice, guise: Guise) -> str:
        """Send `notice` now in `guise`, outside any schedule and record; what was answered, in words."""
        _, words = await self._post(notice, guise)
        return words

    async def _run(self, notice: Notice) -> None:
        while notice.state == NoticeState.PENDING:
            await self._wait_until(notice.due_at)
            notice = await self._attempt(notice)
            self._notices[notice.notice_id] = notice
            self._store.save([Change(KIND, notice.notice_id, notice)])

    async def _wait_until(self, moment: datetime) -> None:
        wait_s = (moment - self._clock.now()).total_seconds()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def _attempt(self, notice: Notice) -> Notice:
        rule = self._faults.take(notice.platform, notice.kind, notice.number)
        fault = rule.fault if rule else None
        if fault == NoticeFault.LOSE:
            return replace(notice, state=NoticeState.LOST)
        if fault == NoticeFault.DELAY and rule:
            return replace(notice, due_at=self._clock.now() + timedelta(seconds=rule.delay_s))
        if fault == NoticeFault.DROP:
            return self._after(notice, False, ("dropped",))
        if fault == NoticeFault.REORDER:
            await self._wait_for_another(notice.account)
        answers: list[str] = []
        if fault in _GUISES:
            answers.append(await self.send_once(notice, _GUISES[fault]))
        is_accepted, words = await self._post(notice, Guise.GENUINE)
        answers.append(words)
        if fault == NoticeFault.DUPLICATE:
            answers.append(await self.send_once(notice, Guise.GENUINE))
        self._sent.setdefault(notice.account, asyncio.Event()).set()
        return self._after(notice, is_accepted, tuple(answers))

    def _after(self, notice: Notice, is_accepted: bool, answers: tuple[str, ...]) -> Notice:
        sent = replace(notice, sendings=notice.sendings + 1, answers=notice.answers + answers)
        if is_accepted:
            return replace(sent, state=NoticeState.ACCEPTED)
        delays = self._dressers[notice.platform].retry_delays_s
        if sent.sendings > len(delays):
            return replace(sent, state=NoticeState.GIVEN_UP)
        return replace(sent, due_at=self._clock.now() + timedelta(seconds=delays[sent.sendings - 1]))

    async def _wait_for_another(self, account: str) -> None:
        event = self._sent.setdefault(account, asyncio.Event())
        event.clear()
        another = asyncio.create_task(event.wait())
        patience = asyncio.create_task(self._clock.sleep(REORDER_WAIT_S))
        try:
            await asyncio.wait({another, patience}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            another.cancel()
            patience.cancel()

    async def _post(self, notice: Notice, guise: Guise) -> tuple[bool, str]:
        dresser = self._dressers[notice.platform]
        headers, body = dresser.dress(notice, guise, self._true_clock.now())
        loop = asyncio.get_running_loop()
        self._under_way += 1
        self._quiet.clear()
        try:
            async with asyncio.timeout(self._settings.notice_timeout_s):
                status, said = await loop.run_in_executor(
                    self._threads, self._exchange, notice.url, dict(headers), body
                )
        except (urllib3.exceptions.HTTPError, OSError, TimeoutError) as error:
            return False, f"{guise}: {type(error).__name__}"
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()
        text = said.decode("utf-8", "replace")[:ANSWER_CHARACTERS_MAX]
        return dresser.is_accepted(status, said), f"{guise}: {status} {text}".rstrip()

    def _exchange(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """One request in a sender's thread: status and body of the answer."""
        answer = self._pool.request("POST", url, headers=headers, body=body, redirect=False)
        return answer.status, answer.data
