"""How the cloud is asked over HTTP, alike for every feature: pages, versions, repeats, throttles. Knows no feature."""

from vendomat.cloud.platform.http.bodies import read_body
from vendomat.cloud.platform.http.etags import IfMatch, check_version, etag_of, set_version
from vendomat.cloud.platform.http.files import (
    TABLE_BODY,
    TABLE_FILE,
    TableForm,
    described_body,
    described_file,
    table_file,
)
from vendomat.cloud.platform.http.flaws import FlawView, flaw_view
from vendomat.cloud.platform.http.idempotency import RepeatKey, Repeats
from vendomat.cloud.platform.http.kept import ASKED_ONCE, KeptAnswer, KeptAnswers, Turn, forget_answers, is_good_key
from vendomat.cloud.platform.http.origin import PublicOrigin
from vendomat.cloud.platform.http.outward import network
from vendomat.cloud.platform.http.paging import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of
from vendomat.cloud.platform.http.throttle import Throttle

__all__ = [
    "ASKED_ONCE",
    "LIMIT_DEFAULT",
    "LIMIT_MAX",
    "TABLE_BODY",
    "TABLE_FILE",
    "Cursor",
    "FlawView",
    "IfMatch",
    "KeptAnswer",
    "KeptAnswers",
    "Page",
    "PublicOrigin",
    "RepeatKey",
    "Repeats",
    "TableForm",
    "Throttle",
    "Turn",
    "check_version",
    "described_body",
    "described_file",
    "etag_of",
    "flaw_view",
    "forget_answers",
    "is_good_key",
    "network",
    "page_of",
    "read_body",
    "set_version",
    "table_file",
]
