"""Breaches planted around shares of site owners: each begins with a share as it should be, and spoils one thing."""

from __future__ import annotations

from tests.audit.estate import ACCOUNTS, MERCHANT
from tests.audit.plants_database import Plant
from tests.audit.plants_statements import STATED

ACCOUNT = ACCOUNTS["wechat"]
_RENT, _WAY = "liab:site_rent:sit_1", "liab:site_share:sit_1"
_FUND = f"asset:clearing:wechat:{ACCOUNT}"
_LINE = "INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) VALUES "


def _post(key: str, debit: str, credit: str, minor: int = 70) -> str:
    return (
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', '{key}', '{key.partition(':')[0]}', '', now()); "
        f"{_LINE}('{MERCHANT}', '{key}', 1, '{debit}', {minor}, 'CNY', now()), "
        f"('{MERCHANT}', '{key}', 2, '{credit}', {-minor}, 'CNY', now()); "
    )


def _share(stage: str, *, duty: str = "give", name: str = "shr_1", of_share: str = "", minor: int = 70) -> str:
    ended = "now()" if stage in ("succeeded", "closed") else "NULL"
    return (
        "INSERT INTO profit_share (merchant_id, share_id, site_id, duty, payment_id, transaction_id, channel, account, "
        "kind, receiver, currency, amount_minor, asked_at, may_until, position, round, of_share, stage, closed_at, "
        f"ended_at, changed_at) SELECT merchant_id, '{name}', 'sit_1', '{duty}', payment_id, 't_shared', channel, "
        f"account, 'merchant', 'm2', 'CNY', {minor}, now(), now() + interval '20 days', 1, 1, '{of_share}', '{stage}', "
        f"{'now()' if stage == 'closed' else 'NULL'}, {ended}, now() FROM payment WHERE payment_id = 'pay_good'; "
    )


_BEGUN = (
    f"{STATED} UPDATE payment SET shared_for = 'sit_1', transaction_id = 't_shared' WHERE payment_id = 'pay_good'; "
    f"INSERT INTO share_plan VALUES ('{MERCHANT}', 'sit_1', 1, 1, 70, 70, 0, now(), ''); "
)
_PLANNED = _post("share_planned:shr_1", _RENT, _WAY)
_GIVEN = _BEGUN + _share("succeeded") + _PLANNED + _post("share_end:shr_1", _WAY, _FUND)
_BACK = _share("succeeded", duty="take_back", name="shr_2", of_share="shr_1", minor=30)
_BACK += _post("share_back:shr_2", _FUND, _RENT, 30)

PLANTS = {
    "share_on_its_way_in_order": Plant("", _BEGUN + _share("processing") + _PLANNED),
    "share_given_and_partly_taken_back_in_order": Plant("", _GIVEN + _BACK),
    "share_closed_in_order": Plant("", _BEGUN + _share("closed") + _PLANNED + _post("share_end:shr_1", _WAY, _RENT)),
    "share_given_but_not_booked": Plant("I4.share", _BEGUN + _share("succeeded") + _PLANNED),
    "share_booked_before_it_arrived": Plant(
        "I4.share", _GIVEN + "UPDATE profit_share SET stage = 'unknown', ended_at = NULL"
    ),
    "share_larger_than_the_statement": Plant(
        "I4.share I4.share_bounds I4.share_plan", _GIVEN + "UPDATE profit_share SET amount_minor = 71"
    ),
    "share_of_a_payment_that_is_not_shared": Plant(
        "I4.share_bounds", _GIVEN + "UPDATE payment SET shared_for = '' WHERE payment_id = 'pay_good'"
    ),
    "share_taken_back_beyond_what_was_given": Plant("I4.share_bounds", _GIVEN + _BACK.replace("30", "71")),
    "share_that_no_plan_knows": Plant("I4.share_plan", _GIVEN + "DELETE FROM share_plan"),
    "share_that_does_not_end": Plant(
        "I8.share",
        _BEGUN + _share("unknown") + _PLANNED + "UPDATE profit_share SET may_until = now() - interval '2 days'",
    ),
}
