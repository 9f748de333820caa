"""Bounded threads: never more calls than allowed, and never the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.threads import CallThreads


async def test_work_is_not_done_on_the_event_loop():
    threads = CallThreads(1)
    assert await threads.call(threading.get_ident) != threading.get_ident()
    await threads.aclose()


async def test_errors_come_through():
    threads = CallThreads(1)
    with pytest.raises(ZeroDivisionError):
        await threads.call(lambda: 1 // 0)
    await threads.aclose()


async def test_one_call_too_many_is_turned_away_and_the_place_is_free_again_later():
    threads, go = CallThreads(1, waiting_max=1), threading.Event()
    calls = [asyncio.ensure_future(threads.call(go.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NotKnownError, match="not sent"):
        await threads.call(lambda: None)
    go.set()
    await asyncio.gather(*calls)
    assert await threads.call(lambda: 7) == 7
    await threads.aclose()


async def test_a_cancelled_caller_takes_back_what_has_not_begun():
    threads, go, done = CallThreads(1, waiting_max=1), threading.Event(), []
    running = asyncio.ensure_future(threads.call(go.wait))
    waiting = asyncio.ensure_future(threads.call(lambda: done.append(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    await running
    await threads.aclose()
    assert done == []


async def test_a_closed_pool_sends_nothing():
    threads = CallThreads(1)
    await threads.aclose()
    with pytest.raises(NotKnownError, match="not sent"):
        await threads.call(lambda: None)
