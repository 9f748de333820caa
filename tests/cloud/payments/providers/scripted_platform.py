"""A platform that says what a test wrote down, over real HTTP, signed with real keys.

It keeps the requests it got. It knows no business: whole conversations are tested against the emulators.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from vendomat.kernel import ManualClock

APIV3_KEY = "0123456789abcdef0123456789abcdef"
MCHID, APPID = "1900000001", "wx0000000000000001"
APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026"


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    is_reset: bool = False


class ScriptedPlatform:
    """`script` is asked for each answer, in the order of arrival; the last answer is repeated."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.script: list[Callable[[Received], Answer] | Answer] = []
        platform = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, *_: object) -> None:
                """Nothing on the test's output."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Received(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                platform.received.append(request)
                step = platform.script.pop(0) if len(platform.script) > 1 else platform.script[0]
                answer = step(request) if callable(step) else step
                time.sleep(answer.delay_s)
                if answer.is_reset:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if answer.status != 204:
                    self.wfile.write(answer.body)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that gave up while a slow answer was on the way is part of the test."""

        self._server = Server(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def say(self, *answers: Callable[[Received], Answer] | Answer) -> None:
        self.script = list(answers)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def certificate_of(key: rsa.RSAPrivateKey, clock: ManualClock, *, days: int = 365) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test platform")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    start = clock.now() - timedelta(days=1)
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=1 + days)).sign(key, hashes.SHA256())


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def signed(key: rsa.RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


class WeChatPen:
    """Writes WeChat Pay's signed answers and notices."""

    def __init__(self, key: rsa.RSAPrivateKey, clock: ManualClock, *, serial: str = PUBLIC_KEY_ID) -> None:
        self.key, self.clock, self.serial = key, clock, serial

    def headers(self, body: bytes, *, age_s: float = 0, **changes: str) -> dict[str, str]:
        timestamp = str(int(self.clock.now().timestamp() - age_s))
        made = {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": "nonce",
            "Wechatpay-Signature": signed(self.key, f"{timestamp}\nnonce\n".encode() + body + b"\n"),
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Content-Type": "application/json",
        }
        return made | {"Wechatpay-" + name.replace("_", "-"): value for name, value in changes.items()}

    def answer(self, content: object, *, status: int = 200, age_s: float = 0, **changes: str) -> Answer:
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        return Answer(status, body, self.headers(body, age_s=age_s, **changes))

    def notice(self, event_type: str, resource: object, *, apiv3_key: str = APIV3_KEY) -> bytes:
        return json.dumps(
            {
                "id": "notice-1",
                "create_time": "2026-01-01T08:00:00+08:00",
                "resource_type": "encrypt-resource",
                "event_type": event_type,
                "summary": "s",
                "resource": seal(resource, apiv3_key) | {"original_type": "transaction"},
            }
        ).encode()


def seal(content: object, apiv3_key: str = APIV3_KEY, *, aad: str = "transaction") -> dict[str, str]:
    plain = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    sealed = AESGCM(apiv3_key.encode()).encrypt(b"0123456789ab", plain, aad.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": "0123456789ab",
        "associated_data": aad,
    }


def refusal(status: int, code: str) -> Answer:
    """A WeChat Pay error: never signed."""
    body = json.dumps({"code": code, "message": "because"}).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


class AlipayPen:
    """Writes Alipay's signed answers and notices."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key

    def answer(self, method: str, fields: dict[str, object], *, is_signed: bool = True) -> Answer:
        content = json.dumps(fields, ensure_ascii=False).replace("/", "\\/")
        name = method.replace(".", "_") + "_response"
        sign = f',"sign":"{signed(self.key, content.encode())}"' if is_signed else ""
        body = f'{{"{name}":{content}{sign}}}'.encode()
        return Answer(200, body, {"Content-Type": "text/html;charset=utf-8"})

    def notice(self, fields: dict[str, str]) -> bytes:
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
        whole = fields | {"sign_type": "RSA2", "sign": signed(self.key, text.encode())}
        return form(whole)


def form(fields: dict[str, str]) -> bytes:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
