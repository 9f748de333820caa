"""Whether a file is the bill it was given as, by the very readers of the night; and every state of a request."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cloud.payments.providers.scripted_platform import MCHID, SELLER_ID
from tests.cloud.payments.providers.test_bill_reading import DAY, MERCHANT, MIDNIGHT
from vendomat.cloud.payments import BillError, FundRow, TradeRow
from vendomat.cloud.payments.providers.alipay import bills as alipay_bills
from vendomat.cloud.payments.providers.wechat import bills as wechat_bills
from vendomat.cloud.reconciliation import AccountDay, BillShelf
from vendomat.cloud.reconciliation.request import (
    REQUEST_MOVES,
    Progress,
    RequestError,
    RequestMove,
    RequestProblem,
    RequestState,
    check_rows,
)
from vendomat.kernel import IllegalMoveError, SystemClock, TimeOrderedIds
from vendomat.simulator.gateways.alipay.daily_bills import Sheet, trade_archive
from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import FundEntry, with_balances
from vendomat.simulator.gateways.wechat.daily_bills import fund_file, trade_file

PLACE = AccountDay("mer_1", "wechat", MCHID, DAY)
PAID = TradeLine(
    at=MIDNIGHT + timedelta(hours=9),
    number="pay_000001",
    transaction_id="420001",
    amount_fen=350,
    fee_fen=2,
    state="SUCCESS",
    description="cola",
    attach="",
    is_refund=False,
    refund_number="",
    refund_id="",
)
BACK = replace(PAID, fee_fen=-2, is_refund=True, refund_number="rfd_000001", refund_id="500001")
EARLIER = timedelta(days=-1)
MOVED = FundEntry(
    at=MIDNIGHT + timedelta(hours=9),
    name="1",
    business="交易",
    amount_fen=350,
    platform_number="420001",
    voucher="pay_000001",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "given"


def judged(rows: Iterator[TradeRow] | Iterator[FundRow]) -> tuple[RequestProblem | None, str, int]:
    """What is wrong with them, in words, and how many rows were read."""
    progress = Progress()
    try:
        check_rows(rows, PLACE, progress)
    except RequestError as error:
        return error.problem, error.detail, progress.rows_read
    return None, "", progress.rows_read


def wechat(file: Path, *lines: TradeLine, mchid: str = MCHID) -> tuple[RequestProblem | None, str, int]:
    file.write_bytes(trade_file(MERCHANT, lines))
    return judged(wechat_bills.read_trades(file, mchid))


def test_a_bill_of_the_day_is_read_to_its_end(file: Path) -> None:
    assert wechat(file, PAID, BACK) == (None, "", 2)


def test_a_refund_may_carry_an_older_time_and_a_payment_may_not(file: Path) -> None:
    assert wechat(file, PAID, replace(BACK, at=BACK.at + EARLIER)) == (None, "", 2)
    assert wechat(file, PAID, replace(PAID, at=PAID.at + EARLIER)) == (
        RequestProblem.OTHER_DAY,
        "row 2 is of 2026-06-04",
        2,
    )
    assert wechat(file, replace(BACK, at=BACK.at + EARLIER))[0] is RequestProblem.OTHER_DAY


def test_the_days_first_and_last_second_belong_to_it_and_their_neighbours_do_not(file: Path) -> None:
    last = MIDNIGHT + timedelta(days=1, seconds=-1)
    for at, problem in (
        (MIDNIGHT, None),
        (last, None),
        (MIDNIGHT - timedelta(seconds=1), RequestProblem.OTHER_DAY),
        (last + timedelta(seconds=1), RequestProblem.OTHER_DAY),
    ):
        assert wechat(file, replace(PAID, at=at))[0] is problem


def test_a_bill_of_another_account_is_named_as_such(file: Path) -> None:
    problem, detail, _ = wechat(file, PAID, mchid="1900000002")
    assert (problem, detail) == (RequestProblem.OTHER_ACCOUNT, f"row 1: it is of merchant '{MCHID}', not of 1900000002")
    file.write_bytes(trade_archive(Sheet("2088000000000000", DAY), [PAID]))
    assert judged(alipay_bills.read_trades(file, SELLER_ID))[0] is RequestProblem.OTHER_ACCOUNT


def test_an_archive_of_alipay_is_read_by_its_own_reader_only(file: Path) -> None:
    file.write_bytes(trade_archive(Sheet(SELLER_ID, DAY), [PAID, BACK]))
    assert judged(alipay_bills.read_trades(file, SELLER_ID)) == (None, "", 2)
    assert judged(wechat_bills.read_trades(file, MCHID))[0] is RequestProblem.NO_BILL


@pytest.mark.parametrize(
    "content", [b"", b"name,price\ncola,3.50\n", b"\xff\xd8\xff\xe0 a picture", "交易".encode("gbk")]
)
def test_what_is_no_bill_is_none(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    for rows in (wechat_bills.read_trades(file, MCHID), alipay_bills.read_trades(file, SELLER_ID)):
        assert judged(rows)[0] is RequestProblem.NO_BILL


def test_a_bill_without_rows_or_without_its_end_is_none(file: Path) -> None:
    assert wechat(file)[0] is RequestProblem.NO_BILL
    whole = trade_file(MERCHANT, [PAID, BACK])
    file.write_bytes(whole[: whole.rindex("总交易单数".encode())])
    problem, detail, read = judged(wechat_bills.read_trades(file, MCHID))
    assert (problem, read) == (RequestProblem.NO_BILL, 2)
    assert "breaks off" in detail


def test_the_accounts_movements_are_of_their_day(file: Path) -> None:
    for entry, problem in ((MOVED, None), (replace(MOVED, at=MOVED.at + EARLIER), RequestProblem.OTHER_DAY)):
        file.write_bytes(fund_file(MCHID, with_balances([entry], 350)))
        assert judged(wechat_bills.read_funds(file))[0] is problem


async def sent(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_packed_file_is_unpacked_and_kept_under_the_hash_of_what_is_in_it(tmp_path: Path) -> None:
    shelf = BillShelf(tmp_path, TimeOrderedIds(SystemClock()))
    plain = trade_file(MERCHANT, [PAID])
    packed = gzip.compress(plain)
    assert await shelf.take_in("brq_1", sent(packed[:100], packed[100:])) == len(packed)
    await shelf.take_in("brq_2", sent(plain))
    kept = set()
    for request_id in ("brq_1", "brq_2"):
        with shelf.given(request_id) as path:
            assert path.read_bytes() == plain
            kept.add(shelf.keep(path))
    ((sha256, size),) = kept
    assert (size, shelf.path_of(sha256).read_bytes()) == (len(plain), plain)
    shelf.drop("brq_1")
    shelf.drop("brq_2")
    assert [one.name for one in tmp_path.iterdir()] == [sha256]


async def test_a_packed_file_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    shelf = BillShelf(tmp_path, TimeOrderedIds(SystemClock()))
    await shelf.take_in("brq_1", sent(gzip.compress(b"x" * 1000)[:-9]))
    with pytest.raises(BillError, match="cannot be unpacked"), shelf.given("brq_1"):
        raise AssertionError("it was given")
    shelf.drop("brq_1")
    with pytest.raises(BillError, match="not there any more"), shelf.given("brq_1"):
        raise AssertionError("it was given")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", RequestState)
@pytest.mark.parametrize("move", RequestMove)
def test_every_state_and_move(state: RequestState, move: RequestMove) -> None:
    waiting, reading, matching = RequestState.WAITING, RequestState.READING, RequestState.MATCHING
    legal = {
        (waiting, RequestMove.BEGIN): reading,
        (reading, RequestMove.BEGIN): reading,
        (matching, RequestMove.BEGIN): reading,
        (reading, RequestMove.MATCH): matching,
        (matching, RequestMove.END): RequestState.DONE,
        (reading, RequestMove.REFUSE): RequestState.REFUSED,
        (matching, RequestMove.REFUSE): RequestState.REFUSED,
    }
    if (state, move) in legal:
        assert REQUEST_MOVES.next(state, move) is legal[state, move]
    else:
        with pytest.raises(IllegalMoveError):
            REQUEST_MOVES.next(state, move)
