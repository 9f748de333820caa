"""A real NATS server with the project's identity, an HTTPS door for enrolment, and a cloud that speaks over them."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import nats
from nacl.signing import VerifyKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.terminal.fake_cloud import FakeCloud
from vendomat.cloud.platform.engines import NatsEngine, trust_of
from vendomat.cloud.platform.identity import CloudIdentity, Nkey, NkeyRole, cloud_inbox
from vendomat.kernel import SystemClock, VendomatError
from vendomat.protocol import (
    CommandReply,
    EnrolReply,
    EnrolRequest,
    Problem,
    RenewReply,
    RenewRequest,
    enrol_proof_text,
    renew_proof_text,
    seal,
    unseal,
)
from vendomat.wire import taken_up

CLOCK = SystemClock()
TOKEN = "token-0123456789abcdef"
MACHINE = "m1"


class Site:
    """NATS, identity, and the HTTPS door. `pictures` are served by path; `life` is that of new rights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = CloudIdentity(folder / "identity", CLOCK)
        self.nats = NatsEngine(folder / "nats", lambda: trust_of(self.identity))
        self.nats.start()
        self.ca_file = self.identity.server_certificate("https").authority
        self.life = timedelta(hours=1)
        self.is_down = False
        self.public_key = ""
        self.renewals = 0
        self.pictures: dict[str, bytes] = {}
        self._server = self._https()

    @property
    def https_url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.nats.stop()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.is_down:
            return 503, b""
        if path in self.pictures:
            return 200, self.pictures[path]
        keys = self.identity.command_key.public_keys()
        if path == "/enrol":
            request = msgspec.json.decode(body, type=EnrolRequest)
            text = enrol_proof_text(request.token, request.public_key)
            if request.token != TOKEN or not _proves(request.public_key, text, request.proof):
                return 403, json.dumps({"code": "enrolment_refused", "detail": "not let in"}).encode()
            self.public_key = request.public_key
            reply: object = EnrolReply(
                machine_id=MACHINE,
                merchant_id="mer_" + "0" * 26,
                epoch=3,
                user_jwt=self.right(),
                nats_url=self.nats.url,
                cloud_keys=keys,
            )
            return 200, msgspec.json.encode(reply)
        if path == "/enrol/renew":
            renewal = msgspec.json.decode(body, type=RenewRequest)
            if not _proves(self.public_key, renew_proof_text(renewal.machine_id, renewal.at), renewal.proof):
                return 403, json.dumps({"code": "enrolment_refused", "detail": "not let in"}).encode()
            self.renewals += 1
            reply = RenewReply(user_jwt=self.right(), nats_url=self.nats.url, cloud_keys=keys)
            return 200, msgspec.json.encode(reply)
        return 404, json.dumps({"code": "not_found", "detail": "nothing here"}).encode()

    def right(self) -> str:
        return self.identity.issue_user_jwt(self.public_key, MACHINE, CLOCK.now() + self.life)

    def _https(self) -> ThreadingHTTPServer:
        site = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._say(*site.answer(self.path, self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self) -> None:
                self._say(*site.answer(self.path, b""))

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        certificate = self.identity.server_certificate("https")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def _proves(public_key: str, text: bytes, proof: str) -> bool:
    VerifyKey(base64.b32decode(public_key)[1:33]).verify(text, base64.b64decode(proof))
    return True


class CloudOnWire:
    """`FakeCloud` behind NATS: opens envelopes by the machine's key, seals with the command key."""

    def __init__(self, site: Site, cloud: FakeCloud) -> None:
        self.site = site
        self.cloud = cloud
        self.client = Client()
        self.key = site.identity.command_key
        self.signer: object = self.key
        self.is_answering_late = False  # each reply belongs to the request before
        self._seq = 0
        cloud.down = self.ask

    async def start(self) -> None:
        key = Nkey.new(NkeyRole.USER)
        token = self.site.identity.issue_cloud_jwt(key.public, "w1", CLOCK.now() + timedelta(hours=1))
        self.client = await nats.connect(
            self.site.nats.url,
            tls=self.site.identity.authority.client_context(),
            tls_handshake_first=True,
            user_jwt_cb=lambda: bytearray(token.encode()),
            signature_cb=key.answer,
            inbox_prefix=cloud_inbox("w1"),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
        )
        await self.client.subscribe("vm.*.up.>", queue="cloud", cb=self._serve)
        await taken_up(self.client)

    async def stop(self) -> None:
        await self.cloud.stop()
        await self.client.close()

    def _verify(self, key_id: str, data: bytes, signature: bytes) -> bool:
        assert key_id == self.site.public_key
        VerifyKey(base64.b32decode(key_id)[1:33]).verify(data, signature)
        return True

    def sealed(self, kind: str, body: object, machine: str = MACHINE, origin: tuple[int, int] | None = None) -> bytes:
        """A message of the cloud; a reply carries the `origin` (epoch, seq) of what it answers."""
        self._seq += 1
        epoch, seq = origin or (0, self._seq)
        return seal(body, kind=kind, machine=machine, epoch=epoch, seq=seq, signer=self.signer)  # type: ignore[arg-type]

    async def _serve(self, message: Msg) -> None:
        _, machine, _, kind = message.subject.split(".")
        envelope = unseal(message.data, verify=self._verify, machine=machine)
        assert envelope.kind == kind
        origin = (envelope.epoch, envelope.seq - 1) if self.is_answering_late else (envelope.epoch, envelope.seq)
        try:
            reply = self.cloud.handle(kind, envelope.epoch, bytes(envelope.body))
        except VendomatError as error:
            problem = Problem(code=error.code.value, message=error.message, detail=dict(error.detail))
            await message.respond(self.sealed("problem", problem, origin=origin))
            return
        if reply is not None:
            await message.respond(self.sealed(f"{kind}.reply", reply, origin=origin))

    async def ask(self, kind: str, body: object, timeout_s: float = 30.0) -> CommandReply | None:
        answer = await self.client.request(f"vm.{MACHINE}.down.{kind}", self.sealed(kind, body), timeout=timeout_s)
        envelope = unseal(answer.data, verify=self._verify, machine=MACHINE)
        if envelope.kind == "problem":
            problem = msgspec.json.decode(envelope.body, type=Problem)
            raise VendomatError(problem.code, problem.message)  # type: ignore[arg-type]
        assert envelope.kind == f"{kind}.reply"
        return msgspec.json.decode(envelope.body, type=CommandReply)
