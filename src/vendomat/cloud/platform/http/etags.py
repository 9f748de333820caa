"""Two people change one thing: an answer carries its version as `ETag`, a change quotes it in `If-Match`.

A change that quotes nothing is refused (428), one that quotes an older version too (412); nothing changed. Compare
where the row is locked, in the transaction that writes: compared earlier it proves nothing. Tags are strong; a weak
one matches nothing (RFC 9110, 13.1.1).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Response

from vendomat.kernel import ErrorCode, VendomatError

TAGS_CHARACTERS_MAX = 200

IfMatch = Annotated[
    str | None,
    Header(max_length=TAGS_CHARACTERS_MAX, description='The `ETag` of what was read, such as `"v3"`.'),
]
"""A route's parameter: `if_match: IfMatch = None`, handed on to `check_version`."""


def etag_of(version: int) -> str:
    """`"v3"`."""
    return f'"v{version}"'


def set_version(response: Response, version: int) -> None:
    """Marks an answer with the version that it shows, never to be shown from a cache unasked."""
    response.headers["ETag"] = etag_of(version)
    response.headers["Cache-Control"] = "no-cache"


def check_version(if_match: str | None, version: int) -> None:
    """Raises `VendomatError`: version_missing without a tag, version_stale when `version` is none of those quoted."""
    if if_match is None or not if_match.strip():
        raise VendomatError(
            ErrorCode.VERSION_MISSING, "say in If-Match which version you read (its ETag); nothing changed"
        )
    quoted = {tag.strip() for tag in if_match.split(",")}
    if "*" not in quoted and etag_of(version) not in quoted:
        raise VendomatError(
            ErrorCode.VERSION_STALE,
            "somebody changed this since you read it; nothing changed. Read it again and repeat what you still want",
            version=version,
        )
