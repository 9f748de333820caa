"""S9, S10, S13: a captured wire server, its certificate and account key included, against the terminal's real link."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.terminal.link.test_nats_wire import FENCE, Peer
from tests.terminal.site import CLOCK, MACHINE, TOKEN, CloudOnWire, Site
from vendomat.cloud.platform.identity import CommandKeys, Nkey, NkeyRole
from vendomat.cloud.platform.identity.jwt import user_jwt
from vendomat.cloud.platform.identity.permissions import Permissions
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import (
    CommandReply,
    Fact,
    FactKind,
    Heartbeat,
    HeartbeatReply,
    SecurityKind,
    enrol_proof_text,
    renew_proof_text,
    seal,
)
from vendomat.terminal.link import MachineKey, NotAnsweredError
from vendomat.wire import taken_up

pytestmark = pytest.mark.slow

BEAT = Heartbeat(nonce="n" * 20, is_ready=True)


class Spy:
    """A signer that keeps the texts it is given."""

    key_id = "k"

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    def sign(self, data: bytes) -> bytes:
        self.texts.append(data)
        return b"s" * 64


def fenced() -> CommandReply:
    body = json.dumps({"cmd_id": FENCE.cmd_id, "order_id": FENCE.order_id, "unit": 1, "slot": "A1"}).encode()
    return CommandReply(facts=[Fact(epoch=7, seq=1, kind=FactKind.FENCED, at="", body=body)])  # type: ignore[arg-type]


def promise() -> str:
    """The exact text under a machine's promise never to start: what a forger would like to have signed."""
    spy = Spy()
    seal(fenced(), kind="fence.reply", machine=MACHINE, epoch=7, seq=9, signer=spy)
    return spy.texts[0].decode()


def test_s13_no_text_that_we_sign_is_a_log_in_challenge(tmp_path: Path) -> None:
    """One key signs both, so the two must never look alike: else the server could have any message signed."""
    key = MachineKey.load_or_create(tmp_path / "seed", lambda count: b"\x01" * count)
    texts = [promise(), enrol_proof_text("t" * 20, key.key_id).decode(), renew_proof_text(MACHINE, 1).decode()]
    for text in [*texts, "", "a" * 65, "a b", "a\n", "vendomat/1", "é"]:
        with pytest.raises(VendomatError):
            key.answer(text)
    assert key.answer("T0gpF6b3jXc5bAw")
    for text in texts:
        assert "\n" in text


class HostileServer:
    """Greets over the real certificate with `nonce`, and keeps what the client says to it."""

    def __init__(self, site: Site, nonce: object) -> None:
        self._site = site
        self._nonce = nonce
        self.heard = b""
        self.greeted = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        certificate = self._site.identity.server_certificate("nats")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0, ssl=context)
        return f"tls://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "N", "version": "2.15.0", "max_payload": 1_048_576, "headers": True, "nonce": self._nonce}
        writer.write(b"INFO " + json.dumps(info | {"auth_required": True, "proto": 1}).encode() + b"\r\n")
        self.greeted += 1
        self._open.add(writer)
        with contextlib.suppress(OSError):
            self.heard += await reader.read(65_536)
            writer.close()
            await writer.wait_closed()
        self._open.discard(writer)

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        for writer in self._open:
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("nonce", [promise(), "", 7, None, ["x"]])
async def test_s13_a_server_cannot_have_a_message_signed_as_a_log_in(site: Site, tmp_path: Path, nonce: object) -> None:
    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    server = HostileServer(site, nonce)
    url = await server.start()
    peer.enrolment._kept = msgspec.structs.replace(peer.enrolment.kept, nats_url=url)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    await peer.until(lambda: server.greeted >= 2)
    assert not running.done(), "the terminal goes on trying"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.stop()
    assert b"sig" not in server.heard and peer.changes == []
    if isinstance(nonce, str):
        assert dict(peer.refusals.take_due(1_000.0))[SecurityKind.CHALLENGE_REFUSED] >= 1


@pytest.fixture
async def peer(site: Site, cloud: CloudOnWire, tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(site, tmp_path)
    await peer.enrolment.enrol(TOKEN)
    running = asyncio.create_task(peer.wire.run(peer.serve, peer.changes.append))
    await peer.until(lambda: peer.changes == [True])
    yield peer
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def holder_of_the_account(site: Site, folder: Path) -> Client:
    """A client with every right on the wire: who has the account's key can make one."""
    account = Nkey((folder / "account.nk").read_bytes())
    key = Nkey.new(NkeyRole.USER)
    now = CLOCK.now()
    everything = Permissions((">",), (">",))
    token = user_jwt(account, key.public, everything, name="thief", issued_at=now, expires_at=now + timedelta(hours=1))
    return await nats.connect(
        site.nats.url,
        tls=site.identity.authority.client_context(),
        tls_handshake_first=True,
        user_jwt_cb=lambda: bytearray(token.encode()),
        signature_cb=key.answer,
        allow_reconnect=False,
    )


async def test_s13_every_right_on_the_wire_is_no_right_to_command(
    site: Site, cloud: CloudOnWire, peer: Peer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    thief = await holder_of_the_account(site, site.folder / "identity")
    heard: list[Msg] = []

    async def listen(message: Msg) -> None:
        heard.append(message)

    await thief.subscribe(">", cb=listen)
    await taken_up(thief)
    genuine = cloud.sealed("fence", FENCE)
    await cloud.client.request(f"vm.{MACHINE}.down.fence", genuine, timeout=30)
    await peer.until(lambda: any(message.data == genuine for message in heard))
    own = CommandKeys(tmp_path_factory.mktemp("thief") / "keys.json")
    served = len(peer.served)
    for forged in (
        seal(FENCE, kind="fence", machine=MACHINE, epoch=0, seq=1, signer=own),
        genuine.replace(MACHINE.encode(), b"m2"),
        genuine[:-4],
        next(m.data for m in heard if m.subject.startswith(f"vm.{MACHINE}.up") or b"fence.reply" in m.data),
    ):
        answer = await thief.request(f"vm.{MACHINE}.down.fence", forged, timeout=30)
        assert b'"problem"' in answer.data
    assert len(peer.served) == served
    cloud.cloud.mute.add("heartbeat")  # the cloud is kept silent, and the thief answers in its place

    async def answer_in_its_place(message: Msg) -> None:
        reply = HeartbeatReply(catalogue_version=99)
        await thief.publish(
            message.reply, seal(reply, kind="heartbeat.reply", machine=MACHINE, epoch=7, seq=2, signer=own)
        )

    await thief.subscribe(f"vm.{MACHINE}.up.heartbeat", cb=answer_in_its_place)
    await taken_up(thief)
    with pytest.raises(NotAnsweredError):
        await peer.wire.request("heartbeat", BEAT, HeartbeatReply, timeout_s=5)
    counted = dict(peer.refusals.take_due(1_000.0))
    assert counted[SecurityKind.COMMAND_FORGED] == 1 and counted[SecurityKind.REPLY_FORGED] == 1
    assert counted[SecurityKind.COMMAND_MISADDRESSED] == 2 and counted[SecurityKind.COMMAND_UNREADABLE] == 1
    await thief.close()


async def test_s10_a_machine_hears_and_speaks_under_its_own_name_only(site: Site, peer: Peer) -> None:
    """What the server allows it: another machine's subjects and the cloud's are refused, and the refusal is counted."""
    client = peer.wire._client
    assert client is not None
    for subject in ("vm.m2.up.hello", "vm.m2.down.fence", f"vm.{MACHINE}.down.fence", "_INBOX.x", "anything"):
        await client.publish(subject, b"x")
    for subject in ("vm.m2.down.>", "vm.>", ">", "_INBOX.>", f"vm.{MACHINE}.up.>"):
        await client.subscribe(subject)
    await peer.until(lambda: len([e for e in peer.events() if e == "wire_error"]) >= 10)
    assert dict(peer.refusals.take_due(1_000.0))[SecurityKind.RIGHT_REFUSED] == 10


async def test_s13_a_machine_that_missed_a_new_key_asks_over_https_and_catches_up(
    site: Site, cloud: CloudOnWire, peer: Peer
) -> None:
    keys = site.identity.command_key
    old = keys.key_id
    keys.prepare()
    keys.switch()
    keys.retire()
    try:
        with pytest.raises(VendomatError) as caught:
            await cloud.ask("fence", FENCE)  # signed by a key that the machine has never heard of
        assert caught.value.code == ErrorCode.BAD_SIGNATURE and peer.served == []
        await peer.until(lambda: peer.wire.key_ids == (keys.key_id,))
        assert site.renewals == 1 and old not in peer.wire.key_ids
        await cloud.ask("fence", FENCE)
        assert len(peer.served) == 1
    finally:
        site.renewals = 0


async def test_s13_forgeries_make_a_machine_ask_for_keys_seldom(site: Site, cloud: CloudOnWire, peer: Peer) -> None:
    thief = CommandKeys(site.folder / "thief.json")
    forged = b""
    for _ in range(20):
        forged = seal(FENCE, kind="fence", machine=MACHINE, epoch=0, seq=1, signer=thief)
        await cloud.client.request(f"vm.{MACHINE}.down.fence", forged, timeout=30)
    await peer.until(lambda: site.renewals == 1)
    await cloud.client.request(f"vm.{MACHINE}.down.fence", forged, timeout=30)
    await asyncio.sleep(1.0)
    assert site.renewals == 1, "one request for keys, however many forgeries"
    assert thief.key_id not in peer.wire.key_ids
