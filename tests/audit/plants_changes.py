"""Breaches planted in the change log, each beside a log that is in order."""

from __future__ import annotations

import hashlib

from tests.audit.estate import MERCHANT
from tests.audit.plants_database import Plant

_AT = "2026-06-02T00:00:00+00:00"


def _content(seq: int, actor: str = "opr_1") -> str:
    return (
        f'{{"action":"site.changed","actor":"{actor}","after":{{"name":"L"}},"at":"{_AT}","before":null,'
        f'"reason":"","seq":{seq},"subject":"sit_1"}}'
    )


def _link(previous: str, content: str) -> str:
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()


_FIRST = _link("", _content(1))
_SECOND = _link(_FIRST, _content(2))


def _entry(seq: int, content: str, previous: str, link: str) -> str:
    return f"""
    INSERT INTO change_entry VALUES ('{MERCHANT}', {seq}, '{_AT}', 'opr_1', 'site.changed', 'sit_1', '{content}',
        '{previous}', '{link}');
    """


_LOG = _entry(1, _content(1), "", _FIRST) + _entry(2, _content(2), _FIRST, _SECOND)
_HEAD = f"INSERT INTO change_head VALUES ('{MERCHANT}', 2, '{_SECOND}'); "
_FORGED = _content(1, "opr_2")
_WORD = f"""
    INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES ('{MERCHANT}', 'ord_good', '{_AT}',
        'operator', 'order.looked_at', '{{"by": "opr_1"}}');
"""

PLANTS = {
    "change_log_in_order": Plant("", _LOG + _HEAD),
    "change_rewritten": Plant(
        "I13.change_chain", f"{_LOG} {_HEAD} UPDATE change_entry SET content = '{_FORGED}' WHERE seq = 1"
    ),
    "change_rewritten_with_its_own_link": Plant(
        "I13.change_chain",
        f"{_LOG} {_HEAD} UPDATE change_entry SET content = '{_FORGED}', link = '{_link('', _FORGED)}' WHERE seq = 1",
    ),
    "change_found_under_another_name": Plant(
        "I13.change_chain", f"{_LOG} {_HEAD} UPDATE change_entry SET actor = 'opr_2' WHERE seq = 2"
    ),
    "change_taken_away": Plant("I13.change_chain", f"{_LOG} {_HEAD} DELETE FROM change_entry WHERE seq = 1"),
    "change_log_cut_off": Plant("I13.change_head", f"{_LOG} {_HEAD} DELETE FROM change_entry WHERE seq = 2"),
    "change_log_without_head": Plant("I13.change_head", _LOG),
    "word_of_a_person_not_in_the_log": Plant("I13.said", _LOG + _HEAD + _WORD),
}
