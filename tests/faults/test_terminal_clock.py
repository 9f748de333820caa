"""A clock that comes up in 1970, is a day ahead, or steps in the middle of a vend. F40.

A machine whose clock stands in 1970 before certificates of today, and one of today before certificates of 2035, are the
same to TLS; the second can be had without touching the system's clock.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.faults.vend_stage import VEND_S, VendStage
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.kernel import LiftedClock, ManualClock, SystemClock
from vendomat.protocol import FactKind, VendResult
from vendomat.terminal.app.time_book import SavedTime
from vendomat.terminal.link import CloudHttps, NotAnsweredError

THEN = datetime(2035, 6, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SteppingClock(ManualClock):
    """Its wall clock can be set, its elapsed clock cannot."""

    offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An HTTPS server that lives in 2035: its certificate's dates, and the date that it says."""
    identity = CloudIdentity(tmp_path_factory.mktemp("identity"), ManualClock(THEN))
    certificate = identity.server_certificate("https")

    class Door(BaseHTTPRequestHandler):
        """Answers everything."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((THEN + timedelta(days=3)).timestamp())

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}", certificate.authority
    server.shutdown()
    server.server_close()


async def test_f40_a_clock_far_behind_is_lifted_to_the_last_saved_time(door: tuple[str, Path], tmp_path: Path) -> None:
    """TLS dates pass by the time that was kept, and the cloud's answer sets the clock right."""
    url, authority = door
    with pytest.raises(NotAnsweredError, match="not yet valid"):
        await CloudHttps(url, authority, SystemClock()).get("/")
    kept = tmp_path / "last_time"
    kept.write_text((THEN + timedelta(hours=1)).isoformat())
    time = SavedTime(kept, SystemClock())
    assert time.clock.is_lifted and time.clock.now() - THEN < timedelta(hours=2)
    assert await CloudHttps(url, authority, time.clock).get("/") == b"ok"
    assert abs(time.clock.now() - (THEN + timedelta(days=3))) < timedelta(minutes=1)
    time.save()
    assert SavedTime(kept, SystemClock()).clock.now() >= THEN + timedelta(days=3)


async def test_f40_a_certificate_that_had_ended_is_refused_by_the_lifted_clock(door: tuple[str, Path]) -> None:
    """Lifting is no way around the dates: what had ended by the last time known stays refused."""
    url, authority = door
    clock = LiftedClock(SystemClock(), datetime(2090, 1, 1, tzinfo=UTC))
    with pytest.raises(NotAnsweredError, match="had ended"):
        await CloudHttps(url, authority, clock).get("/")


async def test_f40_another_authority_is_refused_by_the_lifted_clock(door: tuple[str, Path], tmp_path: Path) -> None:
    """Only the dates are judged otherwise, not who vouches."""
    other = CloudIdentity(tmp_path / "other", ManualClock(THEN)).server_certificate("https").authority
    with pytest.raises(NotAnsweredError, match="verify failed"):
        await CloudHttps(door[0], other, LiftedClock(SystemClock(), THEN)).get("/")


@pytest.mark.parametrize("text", [None, "", "nonsense"])
def test_f40_without_a_saved_time_the_systems_clock_is_all_there_is(tmp_path: Path, text: str | None) -> None:
    """A lost or broken file is no reason not to start."""
    if text is not None:
        (tmp_path / "last_time").write_text(text)
    clock = SavedTime(tmp_path / "last_time", ManualClock(THEN)).clock
    assert clock.now() == THEN and not clock.is_lifted


@pytest.mark.parametrize("step", [timedelta(days=-20_000), timedelta(days=1), timedelta(hours=-3)])
async def test_f40_a_step_of_the_clock_in_mid_vend_changes_nothing(tmp_path: Path, step: timedelta) -> None:
    """The vend ends as ever; its facts are in the order of their seq and marked as of an untrusted time."""
    base = SteppingClock(datetime(2026, 1, 1, tzinfo=UTC))
    stage = VendStage(tmp_path, clock=base)
    await stage.start()
    await stage.pass_time(1)
    stage.dispense()
    await stage.pass_time(2)
    base.offset = step
    await stage.pass_time(VEND_S)
    assert stage.heard() == [(FactKind.INTENT, None), (FactKind.OUTCOME, VendResult.DELIVERED)]
    facts = [fact for _, fact in sorted(stage.cloud.facts.items())]
    assert [fact.seq for fact in facts] == [1, 2, 3] and not any(fact.is_time_trusted for fact in facts)
    assert stage.starts == 1
    await stage.close()


async def test_f40_the_clouds_time_is_gone_by_once_it_is_known() -> None:
    """Then a step of the system's clock moves nothing any more."""
    base = SteppingClock(EPOCH)
    clock = LiftedClock(base, THEN)
    assert clock.now() == THEN and clock.is_lifted
    await base.advance(60)
    assert clock.now() == THEN + timedelta(seconds=60)
    clock.hear(THEN - timedelta(days=1), 0.0)  # the time that was saved was wrong
    base.offset = timedelta(days=9_000)
    await base.advance(30)
    assert clock.now() == THEN - timedelta(days=1) + timedelta(seconds=30)
