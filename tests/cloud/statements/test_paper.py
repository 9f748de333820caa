"""Statements on paper: the same bytes for the same content, Chinese in a type that needs no file, and no markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cloud.statements.test_sheet import VIEW
from vendomat.cloud.statements.paper import Paper, Sheet, draw
from vendomat.cloud.statements.printed import statement_paper
from vendomat.cloud.statements.words import Language, account_word

PAPER = Paper("对账单", ["阳光 <b>&"], [Sheet("机器", ["机器", "金额"], [["可乐", "3.50"]] * 3)], ["x"])


def _pages(content: bytes) -> int:
    return content.count(b"/Type /Page\n") + content.count(b"/Type /Page ")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_same_statement_gives_the_same_file(language: Language) -> None:
    first, second = (draw(statement_paper(VIEW, language)) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-") and _pages(first) == 1
    assert first != draw(statement_paper(VIEW.model_copy(update={"period": "2026-06-02"}), language))


def test_the_chinese_type_is_named_and_not_embedded() -> None:
    content = draw(PAPER)
    assert b"STSong-Light" in content and b"FontFile" not in content


def test_a_long_table_goes_on_on_further_pages_and_nothing_is_markup() -> None:
    rows = [[f"<para>{n}", "3.50"] for n in range(150)]
    long = replace(PAPER, sheets=[Sheet("机器", ["机器", "金额"], rows)])
    assert _pages(draw(long)) >= 3


def test_accounts_have_names_and_keep_their_numbers() -> None:
    assert account_word("asset:clearing:wechat:1900000001", "zh") == "支付平台 微信支付 1900000001"
    assert account_word("expense:fee:alipay", "en") == "Fees Alipay"
    assert account_word("liab:wallet", "en") == "Member wallets"
    assert account_word("never:heard:of", "en") == "never:heard:of"
