"""The client library `wechatpayv3`, with the checks it leaves out.

The library gives the calls, the signature and the decryption. Ours: the age of every timestamp, the map of serials
that may sign, kept connections with size and time limits, the injected clock, and no call in the constructor.
Everything here blocks and belongs in `CallThreads`.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.x509 import Certificate
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core
from wechatpayv3.type import RequestType
from wechatpayv3.utils import aes_decrypt, load_certificate, rsa_encrypt

from vendomat.cloud.payments.providers.abnormal import AbnormalRefund
from vendomat.cloud.payments.providers.bills import FetchedBill
from vendomat.cloud.payments.providers.contract import Presentation
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.downloads import Promise, fetch_file
from vendomat.cloud.payments.providers.limits import is_timely
from vendomat.cloud.payments.providers.sharing import Receiver
from vendomat.cloud.payments.providers.transport import HttpAnswer, Transport
from vendomat.cloud.payments.providers.wechat import offers, sharing_wire
from vendomat.cloud.payments.providers.wechat.hosts import Hosts, second_of
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings
from vendomat.cloud.payments.providers.wechat.wire import decode
from vendomat.kernel import Clock, ErrorCode, VendomatError

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
CODE_PAY_PATH = "/v3/pay/transactions/codepay"
FETCH_EVERY_S = 11 * 3600
"""Platform certificates are asked for again before they are twelve hours old, as the platform demands."""

FETCH_PAUSE_S = 60
"""A serial nobody knows makes us ask at most this often: it may be a forger's."""

_PLACES = {
    Presentation.CODE: WeChatPayType.NATIVE,
    Presentation.IN_WALLET: WeChatPayType.JSAPI,
    Presentation.IN_BROWSER: WeChatPayType.H5,
}
_SIGNED_HEADERS = ("Signature", "Timestamp", "Nonce", "Serial", "Signature-Type")
_INTERNAL_CODE = re.compile(r"[0-9]{1,12}")
_CERTIFICATE_SERIAL = re.compile(r"[0-9A-Fa-f]{8,40}")


class _Sealed(msgspec.Struct):
    nonce: str
    associated_data: str
    ciphertext: str


class _CertificateRow(msgspec.Struct):
    encrypt_certificate: _Sealed


class _CertificateList(msgspec.Struct):
    data: list[_CertificateRow]


class CheckedCore(Core):  # type: ignore[misc]  # the library has no types
    """The library's core with our transport, clock and checks in the places where it calls out."""

    def __init__(self, settings: WeChatSettings, *, hosts: Hosts, clock: Clock, nonce: Callable[[], str]) -> None:
        self._hosts = hosts
        self._clock = clock
        self._nonce = nonce
        self._fetching = threading.Lock()
        self._fetched_at_s: float | None = None
        self._seed = _certificates(settings.platform_certificates)
        super().__init__(
            mchid=settings.mchid,
            cert_serial_no=settings.serial_no,
            private_key=settings.private_key,
            apiv3_key=settings.apiv3_key,
            public_key=settings.public_key or None,
            public_key_id=settings.public_key_id or None,
        )
        self._certificates = list(self._seed)

    def request(  # noqa: PLR0913, PLR0917  # the library's signature
        self,
        path: str,
        method: Any = RequestType.GET,
        data: object = None,
        skip_verify: bool = False,
        sign_data: str | None = None,
        files: object = None,
        cipher_data: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Sign and send one call, verify a 2xx answer, and give status and text. Raises `NotKnownError`."""
        if files or cipher_data or sign_data:
            raise NotImplementedError("uploads and sealed fields are not used by any payment verb")
        answer, text = self._exchange(path, method.value, data, headers or {})
        if 200 <= answer.status < 300 and not skip_verify:
            self._verify_signature(answer.headers, text)
        return answer.status, text

    def ask(self, path: str, method: str, data: object) -> tuple[int, str, int]:
        """As `request`, with the number that ends `Request-ID`; 0 without one."""
        answer, text = self._exchange(path, method, data, {})
        if 200 <= answer.status < 300:
            self._verify_signature(answer.headers, text)
        ending = answer.headers.get("request-id", "").rpartition("-")[2]
        return answer.status, text, int(ending) if _INTERNAL_CODE.fullmatch(ending) else 0

    def _exchange(self, path: str, method: str, data: object, headers: Mapping[str, str]) -> tuple[HttpAnswer, str]:
        body = msgspec.json.encode(data) if data is not None else b""
        said = {"Accept": "application/json", "User-Agent": "vendomat", **headers}
        if body:
            said["Content-Type"] = "application/json"
        if self._public_key_id:
            said["Wechatpay-Serial"] = self._public_key_id

        def send(host: Transport) -> HttpAnswer:
            proof = {"Authorization": self.authorization(method, path, body.decode())}
            return host.exchange(method, path, headers=said | proof, body=body or None)

        answer = self._hosts.exchange(send, may_repeat=path != CODE_PAY_PATH)
        try:
            return answer, answer.body.decode()
        except UnicodeDecodeError as error:
            raise NotKnownError("the answer is not UTF-8") from error

    def authorization(self, method: str, path: str, body: str) -> str:
        timestamp, nonce = str(int(self._clock.now().timestamp())), self._nonce()
        signature = self.sign([method, path, timestamp, nonce, body])
        return (
            f'{SCHEME} mchid="{self._mchid}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="{self._cert_serial_no}"'
        )

    def page_parameters(self, appid: str, prepay_id: str) -> Mapping[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        parts = offers.signed_parts(appid, timestamp, self._nonce(), prepay_id)
        return offers.page_parameters(parts, self.sign(parts))

    def seal(self) -> tuple[str, Callable[[str], str]]:
        """What only the platform can read: by which of its keys, and how. Raises `NotKnownError` without a key."""
        if self._public_key_id:
            key = self._public_key
            return self._public_key_id, lambda text: str(rsa_encrypt(text, key))
        now = self._clock.now()
        if not self._certificates or self._is_fetch_due(f"{self._certificates[-1].serial_number:X}"):
            with self._fetching:
                self._update_certificates()
        valid = [one for one in self._certificates if one.not_valid_before_utc <= now <= one.not_valid_after_utc]
        if not valid:
            raise NotKnownError("there is no certificate of the platform to seal with; nothing was sent")
        newest = max(valid, key=lambda one: one.not_valid_before_utc)
        return f"{newest.serial_number:X}", lambda text: str(rsa_encrypt(text, newest.public_key()))

    def _verify_signature(self, headers: Mapping[str, str], body: str) -> bool:
        """True, or `NotKnownError`: age and serial first, then the library's RSA check. Header names in lower case."""
        values = {name: headers.get(f"wechatpay-{name.lower()}", "") for name in _SIGNED_HEADERS}
        if values["Signature"].startswith(PROBE):
            raise NotKnownError("a signature probe of the platform", is_probe=True)
        if values["Signature-Type"] != SCHEME:
            raise NotKnownError("not signed with the expected algorithm")
        if not re.fullmatch(r"[0-9]{1,11}", values["Timestamp"]):
            raise NotKnownError("the timestamp is not a number")
        if not is_timely(datetime.fromtimestamp(int(values["Timestamp"]), UTC), self._clock.now()):
            raise NotKnownError("the timestamp is too far from our clock")
        if not self._may_sign(values["Serial"]):
            reason = f"serial {values['Serial'][:64]!r} is not a key of the platform that we know"
            raise NotKnownError(reason, is_about_keys=True)
        if not super()._verify_signature({f"Wechatpay-{name}": text for name, text in values.items()}, body):
            raise NotKnownError("the signature is wrong", is_about_keys=True)
        return True

    def _may_sign(self, serial: str) -> bool:
        """Whether `serial` is one of the keys we hold. The public key and certificates are believed side by side: a
        merchant that moves from one to the other is told things under either."""
        if self._public_key_id and serial == self._public_key_id:
            return True
        if not _CERTIFICATE_SERIAL.fullmatch(serial):
            return False
        if self._public_key_id and self._is_known(serial):
            return True
        if not self._is_known(serial) or self._is_fetch_due(serial):
            with self._fetching:  # also waits for the thread that is fetching now
                if self._is_fetch_due(serial):
                    self._update_certificates()
        return self._is_known(serial)

    def _is_known(self, serial: str) -> bool:
        now = self._clock.now()
        return bool(_CERTIFICATE_SERIAL.fullmatch(serial)) and any(
            certificate.serial_number == int(serial, 16)
            and certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
            for certificate in self._certificates
        )

    def _is_fetch_due(self, serial: str) -> bool:
        if self._fetched_at_s is None:
            return True
        return self._clock.elapsed() - self._fetched_at_s >= (
            FETCH_EVERY_S if self._is_known(serial) else FETCH_PAUSE_S
        )

    def _init_certificates(self) -> None:
        """The library would call the platform here, in the constructor; we ask when a serial needs it."""

    def _update_certificates(self) -> None:
        """Fetch the platform's certificates; the old ones stay unless new ones came.

        The answer is signed by one of the certificates inside it, so its proof is the sealing with our APIv3 key.
        """
        self._fetched_at_s = self._clock.elapsed()
        try:
            status, text = self.request("/v3/certificates", skip_verify=True)
            if status != 200:
                return
            fetched = [self._opened(row.encrypt_certificate) for row in decode(text, _CertificateList).data]
        except NotKnownError:
            return  # as if no answer had come: the serial stays unknown, and so does what it signed
        self._certificates = [found for found in fetched if found is not None] or self._certificates

    def _opened(self, sealed: _Sealed) -> Certificate | None:
        try:
            pem = aes_decrypt(sealed.nonce, sealed.ciphertext, sealed.associated_data, self._apiv3_key)
        except ValueError:
            return None
        certificate: Certificate | None = load_certificate(pem) if pem else None
        return certificate


class WeChatClient(WeChatPay):  # type: ignore[misc]  # the library has no types
    """The library's calls over `CheckedCore`. Its own constructor is not run: it would make an unchecked core."""

    def __init__(
        self,
        settings: WeChatSettings,
        *,
        clock: Clock,
        connections_max: int,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        if len(settings.apiv3_key.encode()) != 32:
            raise VendomatError(ErrorCode.INVALID_VALUE, "the APIv3 key of WeChat Pay has 32 characters")
        if bool(settings.public_key) != bool(settings.public_key_id):
            raise VendomatError(
                ErrorCode.INVALID_VALUE, "public_key and public_key_id are given together or not at all"
            )
        self._type = WeChatPayType.NATIVE
        self._mchid = settings.mchid
        self._appid = settings.appid
        self._notify_url = None
        self._partner_mode = False

        def host(url: str) -> Transport:
            return Transport(url, clock=clock, timeout_s=settings.timeout_s, connections_max=connections_max)

        second = second_of(settings.base_url, settings.standby_url)
        self._first = host(settings.base_url)
        self.hosts = Hosts(self._first, host(second) if second else None, clock)
        try:
            self._core = CheckedCore(settings, hosts=self.hosts, clock=clock, nonce=nonce)
        except VendomatError:
            raise
        except Exception as error:  # the library raises bare `Exception` for a key it cannot load
            raise VendomatError(
                ErrorCode.INVALID_VALUE, f"a key of WeChat Pay account {settings.mchid}: {error}"
            ) from None

    def place(self, order: Mapping[str, Any], presentation: Presentation) -> tuple[int, str]:
        """An offer, where `presentation` places it."""
        status, text = self.pay(**order, pay_type=_PLACES[presentation])
        return status, text

    def charge(self, order: Mapping[str, Any]) -> tuple[int, str]:
        status, text = self.pay(**order, pay_type=WeChatPayType.CODEPAY)
        return status, text

    def page_parameters(self, prepay_id: str) -> Mapping[str, str]:
        """What a page inside the wallet needs to have `prepay_id` paid, signed now."""
        return self._core.page_parameters(self._appid, prepay_id)

    def send_on(self, refund: AbnormalRefund) -> tuple[int, str]:
        """An abnormal refund to the buyer's card, or to our own account."""
        path = f"/v3/refund/domestic/refunds/{quote(refund.refund_id, safe='')}/apply-abnormal-refund"
        body: dict[str, str] = {"out_refund_no": refund.request.refund_number, "type": "MERCHANT_BANK_CARD"}
        if refund.card is None:
            return self._sent(path, body, {})
        serial, seal = self._core.seal()
        card = {"bank_account": seal(refund.card.account), "real_name": seal(refund.card.holder)}
        return self._sent(
            path, body | {"type": "USER_BANK_CARD", "bank_type": refund.card.bank} | card, {"Wechatpay-Serial": serial}
        )

    def _sent(self, path: str, body: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, str]:
        status, text = self._core.request(path, method=RequestType.POST, data=body, headers=headers)
        return status, text

    def add_receiver(self, receiver: Receiver, appid: str) -> tuple[int, str]:
        """A receiver of shares; a name is sealed."""
        serial, seal = self._core.seal() if receiver.name else ("", str)
        body = {"appid": appid, **sharing_wire.receiver_body(receiver, seal)}
        return self._sent("/v3/profitsharing/receivers/add", body, {"Wechatpay-Serial": serial} if serial else {})

    def ask(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> tuple[int, str, int]:
        """A call the library has wrongly or not at all: status, text and the platform's internal code."""
        return self._core.ask(target, method, body)

    def ask_bill(self, target: str) -> tuple[int, str]:
        """Where a bill lies. The library's own call always asks for a packed file."""
        status, text = self._core.request(target)
        return status, text

    def download_bill(self, promise: Promise, into: Path) -> FetchedBill:
        """The file at `into`. The platform does not sign it: its hash came in the signed answer before."""
        headers = {
            "Accept": "*/*",
            "User-Agent": "vendomat",
            "Authorization": self._core.authorization("GET", promise.target, ""),
        }
        return fetch_file(self._first, promise, headers=headers, into=into)


def _certificates(pems: tuple[str, ...]) -> list[Certificate]:
    loaded = [load_certificate(pem) for pem in pems]
    if None in loaded:
        raise VendomatError(ErrorCode.INVALID_VALUE, "a platform certificate of WeChat Pay is not a PEM certificate")
    return loaded
