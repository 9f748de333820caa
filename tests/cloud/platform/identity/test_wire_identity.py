"""On a real server: who may speak and listen where, who is cut off and when. S9, S10, S12."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from vendomat.cloud.platform.engines import NatsEngine, trust_of
from vendomat.cloud.platform.identity import (
    CertificateAuthority,
    CloudIdentity,
    Nkey,
    NkeyRole,
    cloud_inbox,
    machine_inbox,
)
from vendomat.cloud.platform.identity.jwt import user_jwt
from vendomat.cloud.platform.identity.permissions import machine_permissions
from vendomat.kernel import SystemClock
from vendomat.wire import taken_up

pytestmark = pytest.mark.slow
MACHINES = ("m1", "m2", "m3")
HOUR = timedelta(hours=1)
CLOCK = SystemClock()


class Wire:
    """A running server and its identity; `machine` and `worker` are connected clients that note what they are told."""

    def __init__(self, engine: NatsEngine, identity: CloudIdentity) -> None:
        self.engine = engine
        self.identity = identity

    @asynccontextmanager
    async def machine(self, name: str, *, key: Nkey | None = None, life: timedelta = HOUR) -> AsyncIterator[Peer]:
        key = key or Nkey.new(NkeyRole.USER)
        token = self.identity.issue_user_jwt(key.public, name, CLOCK.now() + life)
        async with self.connected(token, key, machine_inbox(name)) as peer:
            yield peer

    @asynccontextmanager
    async def worker(self, name: str = "w1") -> AsyncIterator[Peer]:
        key = Nkey.new(NkeyRole.USER)
        token = self.identity.issue_cloud_jwt(key.public, name, CLOCK.now() + HOUR)
        async with self.connected(token, key, cloud_inbox(name)) as peer:
            yield peer

    @asynccontextmanager
    async def connected(
        self, token: str, key: Nkey, inbox: str, context: ssl.SSLContext | None = None
    ) -> AsyncIterator[Peer]:
        peer = Peer()
        peer.client = await nats.connect(
            self.engine.url,
            tls=context or self.identity.authority.client_context(),
            tls_handshake_first=True,
            user_jwt_cb=lambda: bytearray(token.encode()),
            signature_cb=key.answer,
            inbox_prefix=inbox,
            error_cb=peer.on_error,
            closed_cb=peer.on_closed,
            allow_reconnect=False,
            connect_timeout=30,
        )
        try:
            yield peer
        finally:
            await peer.client.close()  # returns at once when the server's end of it is being dealt with
            async with asyncio.timeout(30):
                await peer.closed.wait()


class Peer:
    client: Client

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refusals: list[str] = []
        self.closed = asyncio.Event()

    async def on_error(self, error: Exception) -> None:
        self.refusals.append(str(error))

    async def on_closed(self) -> None:
        self.closed.set()

    async def listen(self, subject: str, answer: bytes | None = None, queue: str = "") -> None:
        async def note(message: Msg) -> None:
            self.heard.append((message.subject, message.data))
            if answer is not None:
                await message.respond(answer)

        await self.client.subscribe(subject, queue=queue, cb=note)
        await taken_up(self.client)

    async def say(self, subject: str, data: bytes = b"x") -> None:
        await self.client.publish(subject, data)
        await taken_up(self.client)


@pytest.fixture(scope="module")
def wire(open_folder: Path) -> Iterator[Wire]:
    identity = CloudIdentity(open_folder / "identity", CLOCK)
    with NatsEngine(open_folder / "nats", lambda: trust_of(identity)) as engine:
        yield Wire(engine, identity)


async def settled(condition: Callable[[], bool], limit_s: float = 30.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return condition()


@pytest.mark.parametrize(("actor", "owner"), list(itertools.product(MACHINES, MACHINES)))
async def test_every_pair_of_machines(wire: Wire, actor: str, owner: str) -> None:
    """Own subjects work, another machine's do not: publish up, listen down, listen to the inbox."""
    own = actor == owner
    async with wire.worker() as cloud, wire.machine(actor) as machine:
        await cloud.listen("vm.*.up.>")
        await machine.say(f"vm.{owner}.up.fact")
        assert await settled(lambda: bool(cloud.heard if own else machine.refusals))
        assert bool(cloud.heard) is own
        assert (not machine.refusals) is own
        machine.refusals.clear()
        for subject in (f"vm.{owner}.down.>", f"vm.{owner}.down.dispense", f"{machine_inbox(owner)}.>"):
            await machine.listen(subject)
            assert await settled(lambda: own or bool(machine.refusals))
            assert (not machine.refusals) is own, subject
            machine.refusals.clear()
        await cloud.say(f"vm.{owner}.down.dispense")
        assert await settled(lambda: bool(machine.heard), 30.0 if own else 0.1) is own


@pytest.mark.parametrize(
    "subject",
    [">", "*", "vm.>", "vm.*.down.>", "vm.*.up.>", "_INBOX.>", "_INBOX_m2.>", "_CLOUD_w1.>", "$SYS.>", "vm.m1.up.>"],
)
async def test_a_machine_cannot_listen_beyond_itself(wire: Wire, subject: str) -> None:
    async with wire.machine("m1") as machine:
        await machine.listen(subject)
        assert await settled(lambda: any("permissions violation" in text for text in machine.refusals))


@pytest.mark.parametrize(
    "subject", ["vm.m1.down.dispense", "vm.m2.down.dispense", "_INBOX_m2.a", "_CLOUD_w1.a", "$SYS.REQ.SERVER.PING", "x"]
)
async def test_a_machine_cannot_speak_beyond_itself(wire: Wire, subject: str) -> None:
    async with wire.machine("m1") as machine:
        await machine.say(subject)
        assert await settled(lambda: any("permissions violation" in text for text in machine.refusals))


@pytest.mark.parametrize("subject", ["vm.m1.up.fact", "vm.m1.x", "_INBOX_m1.a", ">"])
async def test_the_cloud_cannot_speak_as_a_machine(wire: Wire, subject: str) -> None:
    async with wire.worker() as cloud:
        await (cloud.listen(subject) if subject == ">" else cloud.say(subject))
        assert await settled(lambda: bool(cloud.refusals))


async def test_a_subscription_is_known_to_the_server_when_it_is_said_to_be(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One `flush` says only that the server lives: nats-py writes its question past a subscription that waits."""
    async with wire.machine("m1") as machine:
        written: list[bytes] = []
        transport = machine.client._transport
        write, write_all = transport.write, transport.writelines

        def note(data: bytes) -> None:
            written.append(data.split()[0])
            write(data)

        def note_all(lines: list[bytes]) -> None:
            written.extend(line.split()[0] for line in lines)
            write_all(lines)

        monkeypatch.setattr(transport, "write", note)
        monkeypatch.setattr(transport, "writelines", note_all)
        await machine.client.subscribe("vm.m1.down.>")
        await taken_up(machine.client)
        assert written == [b"PING", b"SUB", b"PING"]


async def test_requests_are_answered_in_both_directions(wire: Wire) -> None:
    async with wire.worker() as cloud, wire.machine("m1") as machine:
        await cloud.listen("vm.*.up.>", answer=b"committed", queue="cloud")
        await machine.listen("vm.m1.down.>", answer=b"accepted")
        assert (await machine.client.request("vm.m1.up.fact", b"1", timeout=30)).data == b"committed"
        assert (await cloud.client.request("vm.m1.down.dispense", b"2", timeout=30)).data == b"accepted"
        assert not cloud.refusals and not machine.refusals


async def test_only_the_first_answer_to_a_request_is_let_through(wire: Wire) -> None:
    async with wire.worker() as cloud, wire.machine("m1") as machine:
        answers: list[Msg] = []

        async def twice(message: Msg) -> None:
            answers.append(message)
            await message.respond(b"one")
            await message.respond(b"two")

        await machine.client.subscribe("vm.m1.down.>", cb=twice)
        await taken_up(machine.client)
        assert (await cloud.client.request("vm.m1.down.dispense", b"", timeout=30)).data == b"one"
        assert await settled(lambda: any("permissions violation" in text for text in machine.refusals))


async def test_nobody_there_is_known_at_once(wire: Wire) -> None:
    async with wire.worker() as cloud:
        before = time.monotonic()
        with pytest.raises(nats.errors.NoRespondersError):
            await cloud.client.request("vm.absent.down.dispense", b"", timeout=30)
        assert time.monotonic() - before < 10


async def test_an_ended_identity_is_cut_off_and_not_let_in_again(wire: Wire) -> None:
    key = Nkey.new(NkeyRole.USER)
    async with wire.machine("m1", key=key, life=timedelta(seconds=2)) as machine:
        await asyncio.wait_for(machine.closed.wait(), 30)
    moment = CLOCK.now() - timedelta(minutes=1)
    account = wire.identity._account
    ended = user_jwt(
        account, key.public, machine_permissions("m1"), name="m1", issued_at=moment - HOUR, expires_at=moment
    )
    await assert_refused(wire, ended, key)


async def test_a_revoked_machine_is_cut_off_within_the_minute_and_others_stay(wire: Wire) -> None:
    key = Nkey.new(NkeyRole.USER)
    token = wire.identity.issue_user_jwt(key.public, "m1", CLOCK.now() + HOUR)
    async with wire.machine("m1", key=key) as machine, wire.machine("m2") as other:
        await asyncio.sleep(1.1)  # a second is the resolution of a JWT's time
        wire.identity.revoke(key.public)
        wire.engine.reload()
        await asyncio.wait_for(machine.closed.wait(), 30)
        await other.say("vm.m2.up.fact")
        assert other.client.is_connected and not other.refusals
    await assert_refused(wire, token, key)


async def test_a_stolen_identity_is_worth_nothing_without_its_key(wire: Wire) -> None:
    token = wire.identity.issue_user_jwt(Nkey.new(NkeyRole.USER).public, "m1", CLOCK.now() + HOUR)
    await assert_refused(wire, token, Nkey.new(NkeyRole.USER))


async def test_an_identity_of_another_installation_is_refused(wire: Wire, tmp_path: Path) -> None:
    foreign = CloudIdentity(tmp_path / "identity", CLOCK)
    key = Nkey.new(NkeyRole.USER)
    await assert_refused(wire, foreign.issue_user_jwt(key.public, "m1", CLOCK.now() + HOUR), key)


async def test_a_server_of_another_authority_is_not_trusted(wire: Wire, tmp_path: Path) -> None:
    foreign = CertificateAuthority(tmp_path / "foreign", CLOCK)
    key = Nkey.new(NkeyRole.USER)
    token = wire.identity.issue_user_jwt(key.public, "m1", CLOCK.now() + HOUR)
    with pytest.raises((ssl.SSLError, nats.errors.Error)):
        async with wire.connected(token, key, machine_inbox("m1"), foreign.client_context()):
            pass


def test_plaintext_gets_no_greeting(wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", wire.engine.port), 3) as plain:
        plain.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        plain.settimeout(7)
        answer = plain.recv(4096)
    assert not answer.startswith((b"INFO", b"PONG"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused_by_the_server(wire: Wire) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(wire.identity.authority.certificate_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", wire.engine.port), 3) as raw,
        pytest.raises(ssl.SSLError, match="alert protocol version"),
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


async def test_a_message_has_a_limit_of_size(wire: Wire) -> None:
    async with wire.machine("m1") as machine:
        with pytest.raises(nats.errors.MaxPayloadError):
            await machine.say("vm.m1.up.fact", b"x" * (256 * 1024 + 1))


async def assert_refused(wire: Wire, token: str, key: Nkey) -> None:
    with pytest.raises(nats.errors.Error):
        async with wire.connected(token, key, machine_inbox("m1")):
            pass
