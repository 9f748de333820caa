"""A site's statement as CSV and on paper, from its content alone: the same content gives the same bytes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from vendomat.cloud.commission.views import SiteStatementView
from vendomat.cloud.statements import BYTE_ORDER_MARK, Language, Paper, Sheet, amount, csv_row

HEAD = ("section", "name", "from", "to", "base", "units", "currency", "amount")
_WORDS = {
    "title": ("点位结算单", "Site statement"),
    "owner": ("点位方", "Site owner"),
    "site": ("点位", "Site"),
    "month": ("月份", "Month"),
    "position": ("序号", "Position"),
    "lines": ("明细", "Lines"),
    "share": ("销售分成", "Share of net sales"),
    "units": ("按件", "Per unit"),
    "fixed": ("固定费用", "Fixed amount"),
    "minimum": ("保底补足", "Up to the minimum"),
    "corrections": ("更正", "Corrections"),
    "recomputed": ("重新计算", "Recomputed"),
    "machines": ("按机器", "By machine"),
    "machine": ("机器", "Machine"),
    "from": ("起", "From"),
    "to": ("止", "To"),
    "base": ("计算基数", "Computed from"),
    "terms": ("约定", "Terms"),
    "count": ("件数", "Units"),
    "net": ("净销售额", "Net sales"),
    "shared": ("分成", "Share"),
    "amount": ("金额", "Amount"),
    "total": ("合计", "Total"),
    "open": ("以下日期尚未与支付平台核对", "Days not yet reconciled with the platforms"),
    "means": (
        "净销售额：顾客为已出货商品支付的金额，减去善意退款；赠送与迟到出货不计。",
        "Net sales: what buyers paid for goods that came out, less goodwill; without gifts and late goods.",
    ),
    "hash": ("内容指纹", "Content SHA-256"),
    "before": ("上一份", "Previous link"),
}


def _say(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "zh" else 1]


def statement_csv(view: SiteStatementView) -> bytes:
    rows: list[Sequence[object]] = [
        HEAD,
        ("statement", view.site, view.month, "", "", "", "", ""),
        ("owner", view.owner, "", "", "", "", "", ""),
        ("merchant", view.merchant, "", "", "", "", "", ""),
        ("position", view.position, "", "", "", "", "", ""),
        ("content_sha256", view.content_sha256, "", "", "", "", "", ""),
        ("previous", view.previous, "", "", "", "", "", ""),
    ]

    def money(minor: int) -> str:
        return amount(minor, view.currency)

    rows += [
        (
            "line",
            one.kind,
            one.first,
            one.last,
            money(one.base_minor),
            one.units,
            view.currency,
            money(one.amount_minor),
        )
        for one in view.lines
    ]
    rows += [
        ("correction", one.reason or "recomputed", one.month, "", "", "", view.currency, money(one.amount_minor))
        for one in view.corrections
    ]
    rows += [
        ("machine", one.number, "", "", money(one.net_minor), one.units, view.currency, money(one.share_minor))
        for one in view.machines
    ]
    rows += [("not_closed", "", day, "", "", "", "", "") for day in view.days_not_closed]
    rows.append(("total", "", "", "", "", "", view.currency, money(view.total_minor)))
    return (BYTE_ORDER_MARK + "".join(map(csv_row, rows))).encode()


def statement_paper(view: SiteStatementView, language: Language) -> Paper:
    def say(name: str) -> str:
        return _say(name, language)

    sheets = [_lines(view, language)]
    if view.corrections:
        rows = [
            [one.month, one.reason or say("recomputed"), amount(one.amount_minor, view.currency)]
            for one in view.corrections
        ]
        sheets.append(Sheet(say("corrections"), [say("month"), "", say("amount")], rows, texts=2))
    if view.machines:
        sheets.append(_machines(view, language))
    sheets.append(Sheet(say("total"), [view.currency, ""], [[say("total"), amount(view.total_minor, view.currency)]]))
    foot = [say("means")]
    if view.days_not_closed:
        foot.append(f"{say('open')}: {', '.join(day.isoformat() for day in view.days_not_closed)}")
    foot += [f"{say('hash')}: {view.content_sha256}", f"{say('before')}: {view.previous or '-'}"]
    head = [
        view.merchant,
        f"{say('site')}: {view.site}    {say('owner')}: {view.owner}",
        f"{say('month')}: {view.month}    {say('position')}: {view.position}",
    ]
    return Paper(f"{say('title')} {view.month}", head, sheets, foot)


def _lines(view: SiteStatementView, language: Language) -> Sheet:
    rows = [
        [
            _say(one.kind, language),
            one.first.isoformat(),
            one.last.isoformat(),
            one.terms,
            amount(one.base_minor, view.currency),
            str(one.units),
            amount(one.amount_minor, view.currency),
        ]
        for one in view.lines
    ]
    head = ["", *(_say(name, language) for name in ("from", "to", "terms", "base", "count", "amount"))]
    return Sheet(_say("lines", language), head, rows, texts=4)


def _machines(view: SiteStatementView, language: Language) -> Sheet:
    rows = [
        [one.number, str(one.units), amount(one.net_minor, view.currency), amount(one.share_minor, view.currency)]
        for one in view.machines
    ]
    head = [_say(name, language) for name in ("machine", "count", "net", "shared")]
    return Sheet(_say("machines", language), head, rows)
