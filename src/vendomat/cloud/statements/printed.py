"""A merchant's statement laid out for paper."""

from __future__ import annotations

from collections.abc import Sequence

from vendomat.cloud.statements.paper import Paper, Sheet
from vendomat.cloud.statements.sheet import amount
from vendomat.cloud.statements.views import FiguresView, SalesView, StatementView
from vendomat.cloud.statements.words import Language, account_word, word

_COLUMNS = ("opening", "payments", "refunds", "fees", "payouts", "other", "closing")
_FIGURES = (
    "income",
    "refunds",
    "fees",
    "goodwill",
    "sensor_fault",
    "gifts",
    "site_rent",
    "other_expense",
    "ambiguous",
    "result",
)
_SALES = ("sold", "gifts", "late", "goodwill")


def statement_paper(view: StatementView, language: Language) -> Paper:
    """The statement in `language`, without the moment it was read: the same books give the same paper."""

    def say(name: str) -> str:
        return word(name, language)

    lines = [
        view.merchant,
        f"{say('period')}: {view.period}    {say('time_zone')}: {view.time_zone}",
        say(view.standing),
    ]
    sheets = [
        *(_accounts(view, currency, language) for currency in sorted({one.currency for one in view.accounts})),
        *(_figures(one, language) for one in view.figures),
        *([_sales("machine", view.machines, language)] if view.machines else []),
        *([_sales("product", view.products, language)] if view.products else []),
    ]
    foot = [say("tax")] if sheets else [say("nothing")]
    return Paper(f"{say('title')} {view.period}", lines, sheets, foot)


def _accounts(view: StatementView, currency: str, language: Language) -> Sheet:
    rows = [
        [account_word(one.account, language), *(amount(getattr(one, f"{name}_minor"), currency) for name in _COLUMNS)]
        for one in view.accounts
        if one.currency == currency
    ]
    head = [word("account", language), *(word(name, language) for name in _COLUMNS)]
    return Sheet(f"{word('accounts', language)} ({currency})", head, rows)


def _figures(one: FiguresView, language: Language) -> Sheet:
    rows = [[word(name, language), amount(getattr(one, f"{name}_minor"), one.currency)] for name in _FIGURES]
    return Sheet(f"{word('figures', language)} ({one.currency})", ["", one.currency], rows)


def _sales(section: str, lines: Sequence[SalesView], language: Language) -> Sheet:
    rows = [
        [
            (one.name if language == "zh" else one.name_en) or one.id or word("other", language),
            str(one.units),
            *(amount(getattr(one, f"{name}_minor"), one.currency) for name in _SALES),
            one.currency,
        ]
        for one in lines
    ]
    head = [word(section, language), word("units", language), *(word(name, language) for name in _SALES), ""]
    return Sheet(word(f"{section}s", language), head, rows)
