"""Both workers of a town are killed while one of them tells a browser of a jam; the notice arrives all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.cloud.alarms.push_service import push_service
from tests.faults.town_stage import Street, open_street, until
from vendomat.simulator.town import Story

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with open_street(tmp_path_factory.mktemp("street") / "town") as opened:
        yield opened


async def test_workers_killed_before_a_push_is_kept_push_it_again(street: Street) -> None:
    """The push service has the first push and never says so: to the browser both are one, by their tag."""
    town, home = street.town, street.town.console_url.removesuffix("/console/")
    async with push_service() as service:
        one = service.subscribe()
        async with httpx.AsyncClient(base_url=home, headers={"Origin": home}, trust_env=False) as person:
            said = {"email": town.record.email, "password": town.record.password}
            assert (await person.post("/api/v1/session", json=said)).status_code == 200
            keys = {"p256dh": one.p256dh, "auth": one.auth}
            wish = {"endpoint": one.url, "keys": keys, "language": "en", "min_severity": "warning"}
            assert (await person.put("/api/v1/account/browsers", json=wish)).status_code == 200
        service.is_silent = True
        assert await street.buy(0, Story.JAM) == "not_delivered"
        await service.wait(1)
        for worker in town.workers:
            await worker.kill()
        assert await street.one("SELECT count(*) FROM alarm_notice WHERE state = 'waiting'") == 1
        service.is_silent = False
        for worker in town.workers:
            await worker.start()

        async def is_told() -> bool:
            return bool(await street.one("SELECT count(*) FROM alarm_notice WHERE state = 'sent'") == 1)

        await until(is_told)
        assert [pushed.notice["title"][:6] for pushed in service.took] == [town.record.machines[0].number] * 2
        assert len({pushed.notice["tag"] for pushed in service.took}) == 1
    await street.is_sound()
