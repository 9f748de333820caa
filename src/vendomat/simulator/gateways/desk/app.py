"""The control page over HTTP: a page, its style and its script, in two languages. Its buttons call the control API."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from urllib.parse import parse_qs

import msgspec

from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.desk.texts import texts_of
from vendomat.simulator.gateways.desk.vocabulary import vocabulary
from vendomat.simulator.gateways.enrolment import Addresses
from vendomat.simulator.gateways.wallet import Language

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class DeskPages:
    """The pages of the control port. `addresses` is where the platforms listen."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = {
            "wechat": addresses.wechat_base_url,
            "alipay": addresses.alipay_gateway_url,
            "stripe": addresses.stripe_base_url,
        }

    def answer(self, exchange: Exchange) -> Answer | None:
        """The page at the exchange's path, None when there is none."""
        if exchange.method != "GET":
            return None
        match exchange.raw_path:
            case "/":
                return self._page(exchange)
            case "/desk.css":
                return Answer(200, _file("desk.css"), "text/css; charset=utf-8")
            case "/desk.js":
                return Answer(200, _file("desk.js"), "text/javascript; charset=utf-8")
        return None

    def _page(self, exchange: Exchange) -> Answer:
        language = _language_of(exchange)
        texts = texts_of(language)
        given = {"texts": texts, "addresses": self._addresses, "words": vocabulary(), "language": language.value}
        other = Language.EN if language == Language.ZH else Language.ZH
        page = (
            f'<!doctype html><html lang="{"zh-CN" if language == Language.ZH else "en"}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(texts['title'])}</title>"
            '<link rel="icon" href="data:,"><link rel="stylesheet" href="/desk.css"></head><body>'
            f"<header><div><h1>{escape(texts['title'])}</h1><p>{escape(texts['subtitle'])}</p></div>"
            f'<a class="chip" href="/?lang={other}">{escape(texts["other_language"])}</a></header>'
            f'<main id="desk" aria-live="off"></main><div id="said" role="status"></div>'
            f'<script type="application/json" id="given">{_for_script(given)}</script>'
            '<script src="/desk.js"></script></body></html>'
        )
        headers = (("Content-Security-Policy", _POLICY), ("Cache-Control", "no-store"))
        return Answer(200, page.encode(), "text/html; charset=utf-8", headers)


def _language_of(exchange: Exchange) -> Language:
    asked = parse_qs(exchange.raw_query).get("lang", [""])[0]
    if asked in set(Language):
        return Language(asked)
    accepted = exchange.headers.get("accept-language", "zh").lower()
    return Language.EN if accepted.startswith("en") else Language.ZH


@cache
def _file(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def _for_script(value: object) -> str:
    """JSON that no `<` can end."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def is_from_another_site(exchange: Exchange) -> bool:
    """Whether a browser says that another site's page makes this call."""
    return exchange.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
