"""The wallet's pages as HTML text. Pure: everything shown is passed in, everything passed in is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import segno

from vendomat.kernel import Money
from vendomat.simulator.gateways.views import BillView, BuyerRefusal, CodeView, ServiceView, ShownCodeView
from vendomat.simulator.gateways.wallet import drawings
from vendomat.simulator.gateways.wallet.texts import BUYERS, Language, text


@dataclass(frozen=True, slots=True)
class Phone:
    """Whose phone it is: the platform's wallet, the buyer, the language."""

    platform: str
    payer: str
    language: Language
    shows_codes: bool = True
    now_s: int = 0
    """What the platform's clock says, which may be ahead of this phone's."""

    def say(self, key: str) -> str:
        return escape(text(key, self.language))

    @property
    def name(self) -> str:
        return BUYERS.get(self.payer, {}).get(self.language, self.payer)


_SIGNS = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "¥", "SGD": "S$", "USD": "$"}


def sign(currency: str) -> str:
    return _SIGNS.get(currency, f"{currency} ")


def figure(minor: int, currency: str) -> str:
    return Money(minor, currency).to_decimal_text()


def price(minor: int, currency: str) -> str:
    return sign(currency) + figure(minor, currency)


def _page(phone: Phone, title: str, body: str) -> str:
    language = "zh-CN" if phone.language == Language.ZH else "en"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">'
        f'<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/wallet/wallet.css"></head>'
        f'<body data-now="{phone.now_s}"><div class="phone">{body}</div>'
        '<script src="/wallet/wallet.js"></script></body></html>'
    )


def _header(phone: Phone) -> str:
    other = Language.EN if phone.language == Language.ZH else Language.ZH
    return (
        f'<header><div class="bar">{drawings.WALLET}<div class="brand"><h1>{phone.say(phone.platform)}</h1>'
        f"<p>{phone.say('emulated')}</p></div>"
        f'<a class="chip" id="language" href="/wallet?lang={other}">{phone.say("other_language")}</a></div></header>'
    )


def _tabs(phone: Phone, current: str) -> str:
    tabs = [
        ("pay", "/wallet", drawings.CODE),
        *([("show", "/wallet/show", drawings.WALLET_TAB)] if phone.shows_codes else []),
        ("bills", "/wallet/bills", drawings.LIST),
    ]
    links = "".join(
        f'<a href="{href}"{" aria-current=page" if name == current else ""}>{icon}{phone.say(f"tab_{name}")}</a>'
        for name, href, icon in tabs
    )
    return f"<nav>{links}</nav>"


def nearby(phone: Phone, codes: Sequence[CodeView]) -> str:
    """The list of codes that can be paid now; the page asks for it again and again."""
    if not codes:
        return (
            f'<div class="none">{drawings.CODE_LARGE}<b>{phone.say("nearby_none")}</b>'
            f"{phone.say('nearby_none_hint')}</div>"
        )
    rows = "".join(
        f'<li><a class="row" href="/wallet?code={quote(code.code, safe="")}">'
        f'<span class="mark">{drawings.MACHINE}</span><span class="what"><b>{escape(code.description)}</b>'
        f"<span>{escape(code.payee)}</span></span>"
        f'<span class="sum">{price(code.amount_fen, code.currency)}'
        f'<small data-ends="{int(code.expires_at.timestamp())}" '
        f'data-left="{phone.say("left")}"></small></span></a></li>'
        for code in codes
    )
    return f'<ul class="list">{rows}</ul>'


def services(phone: Phone, waiting: Sequence[ServiceView]) -> str:
    """What may be taken nearby before it is paid: each asks for the buyer's word."""
    return "".join(
        '<form class="service" method="post" action="/wallet/deed"><div class="row">'
        f'<span class="mark">{drawings.MACHINE}</span><span class="what"><b>{escape(view.description)}</b>'
        f"<span>{escape(view.payee)}</span></span>"
        f'<span class="sum">{price(view.ceiling_fen, view.currency)}<small>{phone.say("up_to")}</small></span></div>'
        f'<input type="hidden" name="number" value="{escape(view.number)}"><div class="deeds">'
        f'<button class="plain" name="deed" value="agree" data-number="{escape(view.number)}">'
        f"{phone.say('agree')}</button><p>{phone.say('services')}</p></div></form>"
        for view in waiting
    )


def agreed(phone: Phone) -> str:
    body = (
        f'<div class="result">{drawings.DONE}<h1>{phone.say("done_agree")}</h1>'
        f"<p>{phone.say('done_agree_hint')}</p>"
        f'<div class="deeds"><a class="button" href="/wallet">{phone.say("home")}</a></div></div>'
    )
    return _page(phone, phone.say("done_agree"), body)


def home(phone: Phone, live: str, sheet: str = "") -> str:
    """The first page: the field for a code and what is nearby (`live`); `sheet` lies over it."""
    choices = "".join(
        f'<option value="{payer}"{" selected" if payer == phone.payer else ""}>{escape(names[phone.language])}</option>'
        for payer, names in BUYERS.items()
    )
    body = (
        f'{_header(phone)}<main><form class="card" action="/wallet"><h2>{phone.say("scan_title")}</h2>'
        f'<div class="scan"><input name="code" required autocomplete="off" aria-label="{phone.say("scan_hint")}" '
        f'placeholder="{phone.say("scan_hint")}"><button>{phone.say("scan_go")}</button></div></form>'
        f'<section class="card"><h2>{phone.say("nearby")}</h2>'
        f'<div id="live" data-from="/wallet/nearby" aria-live="polite">{live}</div></section>'
        f'<form class="card who" action="/wallet"><label for="payer">{phone.say("me")}</label>'
        f'<select id="payer" name="payer">{choices}</select><button>{phone.say("switch")}</button></form>'
        f"</main>{_tabs(phone, 'pay')}{sheet}"
    )
    return _page(phone, phone.say(phone.platform), body)


def sheet(phone: Phone, code: CodeView) -> str:
    """What is to be paid, to whom, and what the buyer may do about it."""
    return (
        '<a class="veil" href="/wallet" tabindex="-1" aria-hidden="true"></a>'
        f'<section class="sheet" tabindex="-1" autofocus role="dialog" aria-modal="true" '
        f'aria-label="{phone.say("pay")}">'
        f'<div class="top"><span data-ends="{int(code.expires_at.timestamp())}" data-left="{phone.say("left")}"></span>'
        f'<a href="/wallet" aria-label="{phone.say("close")}">{drawings.CROSS}</a></div>'
        f'<div class="payee">{phone.say("pay_to")} {escape(code.payee)}</div>'
        f"{_amount(code)}"
        f"<dl><div><dt>{phone.say('item')}</dt><dd>{escape(code.description)}</dd></div>"
        f"<div><dt>{phone.say('paid_by')}</dt><dd>{escape(phone.name)}</dd></div>"
        f'<div><dt>{phone.say("order")}</dt><dd class="number">{escape(code.number)}</dd></div></dl>'
        f'<form class="deeds" method="post" action="/wallet/deed">'
        f'<input type="hidden" name="code" value="{escape(code.code)}">'
        f'<button name="deed" value="pay">{phone.say("pay")} {price(code.amount_fen, code.currency)}</button>'
        f'<button class="plain" name="deed" value="refuse">{phone.say("refuse")}</button>'
        f'<button class="quiet" name="deed" value="lose">{phone.say("lose")}</button>'
        f"<p>{phone.say('lose_hint')}</p></form></section>"
    )


def shown(phone: Phone, code: ShownCodeView, waiting: Sequence[CodeView]) -> str:
    """The buyer's own code, and the payments that wait for a password; the page asks for it again and again."""
    asked = "".join(
        f'<form class="card ask" method="post" action="/wallet/deed"><h2>{phone.say("ask_password")}</h2>'
        f'<div class="payee">{phone.say("pay_to")} {escape(view.payee)}</div>'
        f"{_amount(view)}"
        f'<input type="hidden" name="number" value="{escape(view.number)}"><div class="deeds">'
        f'<button name="deed" value="confirm">{phone.say("confirm")}</button>'
        f'<button class="plain" name="deed" value="decline">{phone.say("decline")}</button></div></form>'
        for view in waiting
    )
    groups = " ".join(code.code[place : place + 4] for place in range(0, len(code.code), 4))
    return (
        f'{asked}<section class="card shown"><h2>{phone.say("show_title")}</h2>'
        f'<div class="qr">{_qr_of(code.code)}</div>'
        f'<p class="digits" aria-label="{phone.say("show_digits")}" data-code="{code.code}">{groups}</p>'
        f'<p data-ends="{int(code.ends_at.timestamp())}" data-left="{phone.say("left")}"></p>'
        f"<p>{phone.say('show_hint')}</p></section>"
    )


def _qr_of(text: str) -> str:
    svg: str = segno.make(text, error="m", micro=False).svg_inline(
        border=2, omitsize=True, svgclass=None, lineclass=None
    )
    return svg


def show(phone: Phone, content: str) -> str:
    live = f'<div id="live" class="stack" data-from="/wallet/shown" aria-live="polite">{content}</div>'
    body = f"{_header(phone)}<main>{live}</main>{_tabs(phone, 'show')}"
    return _page(phone, phone.say("tab_show"), body)


def _amount(code: CodeView) -> str:
    minor_text = figure(code.amount_fen, code.currency)
    return f'<div class="amount"><span>{sign(code.currency)}</span>{minor_text}</div>'


def result(phone: Phone, deed: str, code: CodeView) -> str:
    """What came of the buyer's deed."""
    drawing = {"pay": drawings.DONE, "confirm": drawings.DONE, "lose": drawings.LOST}.get(deed, drawings.NOT_DONE)
    amount = "" if deed in ("refuse", "decline") else _amount(code)
    body = (
        f'<div class="result">{drawing}<h1>{phone.say(f"done_{deed}")}</h1><p>{escape(code.payee)} · '
        f"{escape(code.description)}</p>{amount}<p>{phone.say(f'done_{deed}_hint')}</p>"
        f'<div class="deeds"><a class="button" href="/wallet">{phone.say("home")}</a>'
        f'<a class="button plain" href="/wallet/bills">{phone.say("see_bills")}</a></div></div>'
    )
    return _page(phone, phone.say(f"done_{deed}"), body)


def refusal(phone: Phone, reason: BuyerRefusal) -> str:
    """Why this code cannot be paid."""
    body = (
        f'<div class="result bad">{drawings.REFUSED}<h1>{phone.say("cannot")}</h1><p>{phone.say(reason.value)}</p>'
        f'<div class="deeds"><a class="button" href="/wallet">{phone.say("home")}</a></div></div>'
    )
    return _page(phone, phone.say("cannot"), body)


def bill_rows(phone: Phone, bills: Sequence[BillView]) -> str:
    """Payments and what came back of them, newest first."""
    if not bills:
        return (
            f'<div class="none">{drawings.LIST_LARGE}<b>{phone.say("bills_none")}</b>'
            f"{phone.say('bills_none_hint')}</div>"
        )
    rows = "".join(
        f'<li><div class="row"><span class="mark">{drawings.MACHINE}</span><span class="what">'
        f"<b>{escape(bill.description)}</b><span>{escape(bill.payee)}</span>"
        f"<span>{bill.paid_at.astimezone():%Y-%m-%d %H:%M}</span></span>"
        f'<span class="sum">−{price(bill.paid_fen, bill.currency)}{_state(phone, bill)}</span></div></li>'
        for bill in bills
    )
    return f'<ul class="list">{rows}</ul>'


def _state(phone: Phone, bill: BillView) -> str:
    lines = []
    if bill.refunded_fen:
        key = "refunded" if bill.refunded_fen == bill.paid_fen else "refunded_part"
        lines.append(f'<small class="back">{phone.say(key)} +{price(bill.refunded_fen, bill.currency)}</small>')
    if bill.refunding_fen:
        lines.append(f'<small class="back">{phone.say("refunding")} {price(bill.refunding_fen, bill.currency)}</small>')
    return "".join(lines) or f"<small>{phone.say('paid')}</small>"


def bills(phone: Phone, lines: Sequence[BillView]) -> str:
    body = (
        f'{_header(phone)}<main><section class="card"><h2>{phone.say("tab_bills")} · {escape(phone.name)}</h2>'
        f'<div id="live" data-from="/wallet/bill-rows" aria-live="polite">{bill_rows(phone, lines)}</div>'
        f"</section></main>{_tabs(phone, 'bills')}"
    )
    return _page(phone, phone.say("tab_bills"), body)
