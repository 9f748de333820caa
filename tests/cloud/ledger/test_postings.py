"""Postings: each balances by construction, and names what it books so that it is booked once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.recorded_steps import check_recorded
from vendomat.cloud.ledger import Posting, funding, postings, receivable, wallet_member

FUND = funding("wechat", "1900000001")
DEBTOR = receivable("stripe", "acct_1")


def every() -> list[Posting]:
    """One of each kind."""
    return [
        postings.payment_confirmed("pay_1", FUND, 350),
        postings.payment_late("pay_1", FUND, 350),
        postings.payment_unexplained("pay_1", FUND, "wechat", 350),
        postings.unit_delivered("ord_1", 1, "mer_1", 350),
        postings.unit_not_delivered("ord_1", 1, 350),
        postings.unit_ambiguous("ord_1", 1, 350),
        postings.unit_found("ord_1", 1, 350),
        postings.unit_came_out_late("ord_1", 1, "mer_1", 350),
        postings.refund_succeeded("rfd_1", FUND, 350),
        postings.voucher_issued("cod_1", 350),
        postings.voucher_withdrawn("cod_1", 350),
        postings.bill_long("wechat:1:a:1", "wechat", FUND, 350),
        postings.bill_short("pay_1", "wechat", FUND, 350),
        postings.bill_refund_long("wechat:1:a:1", "wechat", FUND, 350),
        postings.paid_out("wechat:1:1", FUND, 350),
        postings.frozen_given_back("pay_1", "wechat", 350),
        postings.frozen_kept("pay_1", "wechat", "mer_1", 350),
        postings.topped_up("ord_1", 1, "mbr_1", 350),
        postings.unit_delivered_on_hold(("ord_1", 1), "mer_1", DEBTOR, 350),
        postings.unit_ambiguous_on_hold("ord_1", 1, 350),
        postings.hold_captured("pay_1", FUND, DEBTOR, 350),
        postings.hold_uncollected("pay_1", DEBTOR, 350),
        postings.hold_overtaken("pay_1", DEBTOR, 350),
        postings.hold_recovered("pay_1", DEBTOR, taken_minor=350, lost_minor=150),
        postings.refund_came_back("rfd_1", FUND, 350),
        postings.paid_out_of_wallet("pay_1", "mbr_1", 350),
        postings.wallet_paid_by_hand("wpo_1", "mbr_1", 350),
        postings.refund_paid_on_top("rfd_1", 350),
        postings.paid_out_of_wallet("pay_1", "mbr_1", 350),
        postings.visit_completed("vis_1", DEBTOR, merchant_id="mer_1", amount_minor=350),
        postings.visit_lowered("vis_1:200", DEBTOR, merchant_id="mer_1", amount_minor=150),
        postings.visit_collected("vis_1", FUND, DEBTOR, 350),
        postings.visit_written_off("vis_1", DEBTOR, 350),
        postings.visit_given("vis_1:350", "mer_1", 350),
        postings.site_rent_stated("sit_1", 3, "link", 350),
        postings.site_rent_paid("pyo_1", "sit_1", 350),
        postings.share_planned("shr_1", "sit_1", 350),
        postings.share_given("shr_1", "sit_1", FUND, 350),
        postings.share_closed("shr_1", "sit_1", 350),
        postings.share_given_late("shr_1", "sit_1", FUND, 350),
        postings.share_taken_back("shr_1", "sit_1", FUND, 350),
        *filter(
            None,
            [
                postings.fees_of_day("wechat:1:2026-06-01", "wechat", FUND, taken_minor=2, returned_minor=0),
                postings.cash_counted("mch_1", "3/7", 350, 350),
                postings.cash_counted("mch_1", "3/8", 350, 300),
                postings.cash_counted("mch_1", "3/9", 350, 400),
            ],
        ),
    ]


EVERY = every()


@pytest.mark.parametrize("posting", EVERY, ids=lambda posting: posting.kind)
def test_every_posting_balances(posting: Posting) -> None:
    assert sum(amount for _, amount in posting.lines) == 0
    assert len({account for account, _ in posting.lines}) == len(posting.lines)


def test_fees_show_what_was_taken_and_what_was_given_back() -> None:
    both = postings.fees_of_day("d", "wechat", FUND, taken_minor=6, returned_minor=2)
    assert both is not None and both.lines == (
        ("expense:fee:wechat", 6),
        (FUND, -6),
        (FUND, 2),
        ("expense:fee:wechat", -2),
    )
    assert postings.fees_of_day("d", "wechat", FUND, taken_minor=0, returned_minor=0) is None


def test_a_payout_that_came_back_is_booked_the_other_way() -> None:
    assert dict(postings.paid_out("1", FUND, -350).lines) == {FUND: 350, "asset:bank": -350}


def test_what_excludes_each_other_shares_a_key() -> None:
    """The database then refuses a second way to book the same payment or unit."""
    assert len({p.key for p in EVERY if p.kind.startswith("payment_")}) == 1
    assert len({p.key for p in EVERY if p.kind in ("delivered", "not_delivered", "ambiguous")}) == 1
    assert len({p.key for p in EVERY if p.kind in ("share_given", "share_closed")}) == 1


@pytest.mark.parametrize("lines", [(("a", 1), ("b", -2)), (("a", 1),), (("a", 0), ("b", 0))])
def test_what_does_not_balance_cannot_be_made(lines: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(AssertionError):
        Posting("x", "x", lines)


def test_an_ambiguous_unit_is_owed_and_declared() -> None:
    lines = dict(postings.unit_ambiguous("ord_1", 1, 350).lines)
    assert lines == {
        "liab:undelivered": 350,
        "liab:refund_payable": -350,
        "memo:ambiguous": 350,
        "memo:ambiguous_contra": -350,
    }


def test_every_posting_is_as_recorded() -> None:
    """Accounts, signs and keys are read by the audit, by statements and by people: a change is seen here."""
    lines = [f"{p.key}  {p.kind}\n" + "".join(f"    {n:+}  {account}\n" for account, n in p.lines) for p in every()]
    check_recorded("postings", "\n".join(lines))


def test_what_is_wrong_with_a_posting_is_said() -> None:
    with pytest.raises(AssertionError, match=r"^pay_1 does not balance$"):
        Posting("pay_1", "x", (("a", 1), ("b", -2)))
    with pytest.raises(AssertionError, match=r"^pay_1 has an empty line$"):
        Posting("pay_1", "x", (("a", 0), ("b", 0)))


def test_money_stands_where_it_was_paid() -> None:
    assert funding("wechat", "1900000001") == "asset:clearing:wechat:1900000001"
    assert (funding("code", "prepaid"), funding("code", "gift")) == ("liab:voucher", "expense:gift")


def test_an_empty_cash_box_books_nothing() -> None:
    assert postings.cash_counted("mch_1", "3/9", 0, 0) is None


def test_each_kind_is_among_them() -> None:
    """A posting that is added to the ledger's list has to be recorded, too."""
    source = Path(postings.__file__).read_text(encoding="utf-8")
    here = Path(__file__).read_text(encoding="utf-8")
    made = re.findall(r"^def ([a-z]\w*)\([^)]*\) -> Posting\b", source, flags=re.MULTILINE)
    made = [name for name in made if "__mutmut_" not in name]
    assert len(made) > 20 and [name for name in made if f"postings.{name}(" not in here] == []


def test_money_is_found_under_the_name_of_who_has_it() -> None:
    assert funding("cash", "mch_1") == "asset:cash:mch_1"
    assert funding("wallet", "mbr_1") == "liab:wallet:mbr_1"
    assert [wallet_member(account) for account in ("liab:wallet:mbr_1", FUND, "liab:wallet")] == ["mbr_1", None, None]
