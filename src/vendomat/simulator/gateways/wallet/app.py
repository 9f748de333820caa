"""The wallet over HTTP: reads who and which language from the request, does one deed, answers a page.

Opening a code's sheet is the scan: it has the platform's effect of binding the order to this buyer. A deed from
another site's page is refused.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, urlencode

from vendomat.kernel import Clock
from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.views import (
    BuyerRefusal,
    BuyerRefusedError,
    CodeView,
    KeepsServices,
    OpensPages,
    Platform,
    ShowsCodes,
)
from vendomat.simulator.gateways.wallet import pages
from vendomat.simulator.gateways.wallet.pages import Phone
from vendomat.simulator.gateways.wallet.style import SCRIPT, style_of
from vendomat.simulator.gateways.wallet.texts import BUYERS, Language

DEEDS = ("pay", "refuse", "lose", "confirm", "decline")
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


class Wallet:
    """The pages of one platform."""

    def __init__(self, platform: Platform, clock: Clock) -> None:
        self._platform = platform
        self._clock = clock
        self._codes = platform if isinstance(platform, ShowsCodes) else None
        self._services = platform if isinstance(platform, KeepsServices) else None
        self._style = style_of(platform.name).encode()
        self._done: dict[str, CodeView] = {}

    def answer(self, exchange: Exchange) -> Answer:
        """The page at the exchange's path."""
        path = exchange.raw_path
        if path == "/wallet/wallet.css":
            return Answer(200, self._style, "text/css; charset=utf-8")
        if path == "/wallet/wallet.js":
            return Answer(200, SCRIPT.encode(), "text/javascript; charset=utf-8")
        if path == "/":
            return _redirect("/wallet")
        if exchange.method == "POST" and path == "/wallet/deed":
            return self._do(exchange)
        if exchange.method != "GET":
            return Answer(405)
        return self._get(path, exchange)

    def _get(self, path: str, exchange: Exchange) -> Answer:
        query = _fields(exchange.raw_query)
        phone = self._phone(exchange)
        if path == "/wallet" and ("lang" in query or "payer" in query):
            return _remember(query)
        if path == "/wallet":
            return self._home(phone, _code_of(query))
        if path == "/wallet/nearby":
            return _html(self._nearby(phone))
        if path in ("/wallet/show", "/wallet/shown") and self._codes is not None:
            content = pages.shown(phone, self._codes.show_code(phone.payer), self._codes.waiting(phone.payer))
            return _html(pages.show(phone, content) if path == "/wallet/show" else content)
        if path == "/wallet/bills":
            return _html(pages.bills(phone, self._platform.bills(phone.payer)))
        if path == "/wallet/bill-rows":
            return _html(pages.bill_rows(phone, self._platform.bills(phone.payer)))
        if path == "/wallet/result":
            return self._result(phone, query)
        return self._called_by_a_page(path, phone, query)

    def _called_by_a_page(self, path: str, phone: Phone, query: dict[str, str]) -> Answer:
        """A page of the merchant's asks for a payment: from a phone's browser, or from inside this wallet."""
        if path == "/wallet/mmpayweb-bin/checkmweb" and query.get("prepay_id"):
            return _redirect(f"/wallet?{urlencode({'code': query['prepay_id']})}")
        if path == "/wallet/page" and isinstance(self._platform, OpensPages):
            return self._open_page(phone, self._platform, query)
        return Answer(404)

    def _home(self, phone: Phone, code: str) -> Answer:
        if not code:
            return _html(pages.home(phone, self._nearby(phone)))
        try:
            view = self._platform.scan(code, phone.payer)
        except BuyerRefusedError as error:
            return _html(pages.refusal(phone, error.reason))
        return _html(pages.home(phone, self._nearby(phone), pages.sheet(phone, view)))

    def _nearby(self, phone: Phone) -> str:
        """The codes shown nearby, and what can be taken there before it is paid."""
        services = self._services.services() if self._services else []
        codes = self._platform.open_codes()
        return pages.services(phone, services) + (pages.nearby(phone, codes) if codes or not services else "")

    def _agree(self, phone: Phone, number: str) -> Answer:
        """Goods first, money after: the door may open."""
        if self._services is None:
            return Answer(400)
        try:
            self._services.agree(number, phone.payer)
        except BuyerRefusedError as error:
            return _html(pages.refusal(phone, error.reason))
        return _html(pages.agreed(phone))

    def _open_page(self, phone: Phone, platform: OpensPages, query: dict[str, str]) -> Answer:
        """The sheet of a payment that a page inside this wallet asked for; `query` is what the page handed over."""
        try:
            view = platform.open_page(query, phone.payer)
        except BuyerRefusedError as error:
            return _html(pages.refusal(phone, error.reason))
        return _html(pages.home(phone, self._nearby(phone), pages.sheet(phone, view)))

    def _do(self, exchange: Exchange) -> Answer:
        if exchange.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return Answer(403)
        form = _fields(exchange.body.decode("utf-8", "replace"))
        phone, deed = self._phone(exchange), form.get("deed", "")
        code = form.get("code", "") or form.get("number", "")
        if deed == "agree":
            return self._agree(phone, code)
        if deed not in DEEDS:
            return Answer(400)
        try:
            view = self._done_by(phone.payer, deed, code)
        except BuyerRefusedError as error:
            return _html(pages.refusal(phone, error.reason))
        self._done[code] = view
        return _redirect(f"/wallet/result?{urlencode({'code': code, 'deed': deed})}")

    def _done_by(self, payer: str, deed: str, code: str) -> CodeView:
        """The deed on a code, or (of a password) on the charge of a number."""
        if deed in ("confirm", "decline"):
            if self._codes is None:
                raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
            return self._codes.confirm(code, payer) if deed == "confirm" else self._codes.decline(code, payer)
        if deed == "refuse":
            return self._platform.refuse(code, payer)
        return self._platform.pay(code, payer, is_notice_lost=deed == "lose")

    def _result(self, phone: Phone, query: dict[str, str]) -> Answer:
        view, deed = self._done.get(query.get("code", "")), query.get("deed", "")
        if view is None or deed not in DEEDS:
            return _html(pages.refusal(phone, BuyerRefusal.UNKNOWN_CODE))
        return _html(pages.result(phone, deed, view))

    def _phone(self, exchange: Exchange) -> Phone:
        cookies = _cookies(exchange.headers.get("cookie", ""))
        accepted = exchange.headers.get("accept-language", "zh").lower()
        fallback = Language.EN if accepted.startswith("en") else Language.ZH
        language = cookies.get("wallet_lang", "")
        payer = cookies.get("wallet_payer", "")
        return Phone(
            self._platform.name,
            payer if payer in BUYERS else next(iter(BUYERS)),
            Language(language) if language in set(Language) else fallback,
            shows_codes=self._codes is not None,
            now_s=int(self._clock.now().timestamp()),
        )


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _code_of(query: dict[str, str]) -> str:
    """The code asked for, also when it was put into the address without escaping its `&`."""
    code = query.get("code", "").strip()
    return f"{code}&groupid={query['groupid']}" if "groupid" in query else code


def _cookies(header: str) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _html(page: str) -> Answer:
    headers = (("Content-Security-Policy", _POLICY), ("Cache-Control", "no-store"))
    return Answer(200, page.encode(), "text/html; charset=utf-8", headers)


def _redirect(target: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(303, b"", "", (("Location", target), *headers))


def _remember(query: dict[str, str]) -> Answer:
    """Keep language or buyer in a cookie and go on to the same page without them."""
    kept = []
    if query.get("lang") in set(Language):
        kept.append(("Set-Cookie", f"wallet_lang={query['lang']}; Path=/wallet; SameSite=Lax; Max-Age=31536000"))
    if query.get("payer") in BUYERS:
        kept.append(("Set-Cookie", f"wallet_payer={query['payer']}; Path=/wallet; SameSite=Lax; Max-Age=31536000"))
    code = query.get("code", "")
    return _redirect(f"/wallet?code={quote(code, safe='')}" if code else "/wallet", tuple(kept))
