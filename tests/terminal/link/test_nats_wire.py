"""The wire against a real server: identity, signatures, reconnection, answers that are not known. S9, S10, S12, S13."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import nats.errors
import pytest
import structlog
from structlog.testing import CapturingLogger

from tests.terminal.site import CLOCK, MACHINE, TOKEN, CloudOnWire, Site
from vendomat.cloud.platform.identity import CommandKey
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import (
    CatalogueHint,
    CommandReply,
    Envelope,
    FenceRequest,
    Heartbeat,
    HeartbeatReply,
    OrderRef,
    OrderStatus,
)
from vendomat.simulator.line import Line, LineFault
from vendomat.terminal.link import CloudHttps, Enrolment, MachineKey, NatsWire, NotAnsweredError, Refusals

pytestmark = pytest.mark.slow
BEAT = Heartbeat(nonce="n" * 20, is_ready=True)
FENCE = FenceRequest(cmd_id="cmd_" + "0" * 26, order_id="ord_" + "0" * 26, unit=1, slot="A1")


class Peer:
    """A machine's wire, with what it heard."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.log = CapturingLogger()
        self.key = MachineKey.load_or_create(folder / "machine.seed", secrets.token_bytes)
        self.enrolment = Enrolment(
            folder / "enrolment.json", self.key, CloudHttps(site.https_url, site.ca_file, CLOCK), CLOCK
        )
        self.refusals = Refusals()
        self.wire = NatsWire(
            self.enrolment,
            self.key,
            epoch=lambda: 7,
            clock=CLOCK,
            chance=lambda: 0.0,
            log=structlog.wrap_logger(self.log, processors=[structlog.stdlib.add_log_level]),
            refusals=self.refusals,
        )
        self.served: list[Envelope] = []
        self.changes: list[bool] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, envelope: Envelope) -> object | None:
        self.served.append(envelope)
        if envelope.kind == "fence":
            await self.gate.wait()
        if envelope.kind == "unheard_of":
            raise VendomatError(ErrorCode.NOT_FOUND, "not served here")
        return CommandReply(facts=[]) if envelope.kind in ("fence", "dispense") else None

    def events(self) -> list[str]:
        return [str(call.kwargs.get("event")) for call in self.log.calls]

    async def until(self, condition: Callable[[], bool], limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"did not come about: {self.log.calls}"
            await asyncio.sleep(0.01)


@pytest.fixture
async def peer(site: Site, cloud: CloudOnWire, tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    await peer.until(lambda: peer.changes == [True])
    yield peer
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_request_gets_its_reply_and_carries_the_epoch(peer: Peer, cloud: CloudOnWire) -> None:
    reply = await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=30)
    assert reply.catalogue_version == 1 and cloud.cloud.epoch == 7


async def test_a_refusal_keeps_the_clouds_code_and_detail(peer: Peer, cloud: CloudOnWire) -> None:
    cloud.cloud.refusals["redeem"] = VendomatError(ErrorCode.CODE_LOCKED, "too many tries", locked_for_s=60)
    with pytest.raises(VendomatError) as caught:
        await peer.wire.request("redeem", OrderRef(order_id="ord_" + "0" * 26), OrderStatus, timeout_s=30)
    assert caught.value.code is ErrorCode.CODE_LOCKED and caught.value.detail == {"locked_for_s": 60}


async def test_silence_is_not_known(peer: Peer, cloud: CloudOnWire) -> None:
    cloud.cloud.mute.add("heartbeat")
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=0.3)


async def test_nobody_there_is_known_at_once_to_be_not_known(peer: Peer, cloud: CloudOnWire) -> None:
    await cloud.client.close()
    began = time.monotonic()
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=30)
    assert time.monotonic() - began < 10


class Forger:
    """Signs with a key of its own under the cloud's name."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self._key = CommandKey(b"x" * 32)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


@pytest.mark.parametrize("is_named", [True, False])
async def test_a_reply_by_another_key_is_a_security_event_and_no_answer(
    peer: Peer, cloud: CloudOnWire, is_named: bool
) -> None:
    cloud.signer = Forger(cloud.key.key_id) if is_named else CommandKey(b"x" * 32)
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=30)
    assert "security_event" in peer.events()


async def test_a_reply_to_another_request_is_a_security_event_and_no_answer(peer: Peer, cloud: CloudOnWire) -> None:
    cloud.is_answering_late = True
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=30)
    assert "security_event" in peer.events()


@pytest.mark.parametrize("is_named", [True, False])
async def test_a_command_by_another_key_is_refused_unread(peer: Peer, cloud: CloudOnWire, is_named: bool) -> None:
    cloud.signer = Forger(cloud.key.key_id) if is_named else CommandKey(b"x" * 32)
    with pytest.raises(VendomatError) as caught:
        await cloud.ask("fence", FENCE)
    assert caught.value.code == "bad_signature" and peer.served == [] and "security_event" in peer.events()


async def test_f53_a_command_for_another_machine_or_of_another_kind_is_refused(peer: Peer, cloud: CloudOnWire) -> None:
    """F53: a captured command on another machine's subject is refused unread."""
    for data in (cloud.sealed("fence", FENCE, machine="m2"), cloud.sealed("dispense", FENCE)):
        answer = await cloud.client.request(f"vm.{MACHINE}.down.fence", data, timeout=30)
        assert b'"kind":"problem"' in answer.data and b"forbidden" in answer.data
    assert peer.served == []


async def test_a_fence_that_waits_does_not_hold_up_others(peer: Peer, cloud: CloudOnWire) -> None:
    peer.gate.clear()
    waiting = asyncio.create_task(cloud.ask("fence", FENCE))
    await peer.until(lambda: len(peer.served) == 1)
    assert await cloud.ask("dispense", FENCE) == CommandReply(facts=[])
    assert not waiting.done()
    peer.gate.set()
    assert await waiting == CommandReply(facts=[])


async def test_what_it_does_not_serve_is_answered_with_a_problem(peer: Peer, cloud: CloudOnWire) -> None:
    with pytest.raises(VendomatError):
        await cloud.ask("unheard_of", CatalogueHint(version=1))


async def test_without_a_connection_a_request_fails_at_once(peer: Peer, site: Site) -> None:
    await asyncio.to_thread(site.nats.kill)
    await peer.until(lambda: peer.changes == [True, False])
    began = time.monotonic()
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=30)
    assert time.monotonic() - began < 10
    await asyncio.to_thread(site.nats.restart)
    await peer.until(lambda: peer.changes == [True, False, True])
    await peer.until(lambda: peer.wire.is_connected)


@pytest.mark.parametrize("cut_at", [60, 900])
async def test_a_greeting_that_is_torn_is_begun_again(site: Site, tmp_path: Path, cut_at: int) -> None:
    """The server dies while it says hello: after `cut_at` bytes of ours, in the TLS greeting or just behind it."""
    line = Line(site.nats.port, lambda: 0.5)
    await Peer(site, tmp_path).enrolment.enrol(TOKEN)
    kept = json.loads((tmp_path / "enrolment.json").read_text())
    kept["nats_url"] = f"tls://127.0.0.1:{await line.start()}"
    (tmp_path / "enrolment.json").write_text(json.dumps(kept))
    peer = Peer(site, tmp_path)
    line.fault = LineFault(cut_at=cut_at)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    try:
        await peer.until(lambda: line.bytes_up >= cut_at)
        line.fault = LineFault()
        await peer.until(lambda: peer.changes == [True], 15)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await line.aclose()


async def test_who_is_cancelled_while_closing_leaves_no_socket(
    site: Site, cloud: CloudOnWire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    await peer.until(lambda: peer.changes == [True])
    client = peer.wire._client
    assert client is not None
    is_closing = asyncio.Event()

    async def take_for_ever() -> None:
        is_closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "_flush_pending", take_for_ever)
    running.cancel()
    await is_closing.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert client._transport is not None and client._transport._io_writer.is_closing()


async def test_a_right_near_its_end_is_renewed_before_the_server_closes(site: Site, tmp_path: Path) -> None:
    site.life = timedelta(seconds=3)
    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    await peer.until(lambda: peer.changes[-1:] == [True])  # with a short right, however slow this machine is
    connections = peer.changes.count(True)
    site.life = timedelta(hours=1)
    await peer.until(lambda: site.renewals >= 1 and peer.enrolment.renew_in_s() > 60)
    # The old right ended, the new one let it in.
    await peer.until(lambda: peer.changes[-1:] == [True] and peer.changes.count(True) > connections, 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_server_of_another_authority_is_not_spoken_to(site: Site, cloud: CloudOnWire, tmp_path: Path) -> None:
    from vendomat.cloud.platform.identity import CertificateAuthority

    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    (tmp_path / "other").mkdir()
    other = CertificateAuthority(tmp_path / "other", CLOCK).certificate_file
    strange = Enrolment(tmp_path / "enrolment.json", peer.key, CloudHttps(site.https_url, other, CLOCK), CLOCK)
    with pytest.raises(NotAnsweredError):
        await strange.renew()
    with pytest.raises((ssl.SSLError, OSError, nats.errors.Error)):
        await nats.connect(
            site.nats.url,
            tls=ssl.create_default_context(cafile=str(other)),
            tls_handshake_first=True,
            allow_reconnect=False,
            connect_timeout=30,
        )
