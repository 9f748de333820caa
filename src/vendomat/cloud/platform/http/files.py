"""How a route says in the API's document that its body or its answer is a file or a stream, and not JSON."""

from __future__ import annotations

from typing import Any

_TEXT = ("text/", "image/svg")


def described_file(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`, beside `response_class=Response`; of several types it answers one."""
    plain_types = [one.partition(";")[0] for one in media_types]
    return {200: {"description": "The file.", "content": {one: {"schema": _schema_of(one)} for one in plain_types}}}


def described_body(*media_types: str) -> dict[str, object]:
    """For a route's `openapi_extra`: its whole body is a file of one of these types."""
    content: dict[str, object] = {one: {"schema": {"type": "string", "contentMediaType": one}} for one in media_types}
    return {"requestBody": {"required": True, "content": content}}


def _schema_of(plain_type: str) -> dict[str, str]:
    if plain_type.startswith(_TEXT):
        return {"type": "string"}
    return {"type": "string", "contentMediaType": plain_type}  # bytes, in the way OpenAPI 3.1 says it
