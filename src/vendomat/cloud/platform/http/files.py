"""How a route says in the API's document that its body or its answer is a file or a stream, and not JSON; and how a
table is answered as a file."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Response

from vendomat.cloud.platform.workbook import XLSX

_CSV = "text/csv"
TableForm = Literal["csv", "xlsx"]
"""The kinds of file in which tables come and go."""
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


TABLE_FILE = described_file(_CSV, XLSX)
"""For a route's `responses`, beside `response_class=Response`: it answers `table_file`."""
TABLE_BODY = described_body(_CSV, XLSX)
"""For a route's `openapi_extra`: its whole body is a table."""


def table_file(name: str, form: TableForm, content: bytes) -> Response:
    """A table to be kept under `name`; nobody on the way keeps it."""
    return Response(
        content,
        media_type=f"{_CSV}; charset=utf-8" if form == "csv" else XLSX,
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"},
    )
