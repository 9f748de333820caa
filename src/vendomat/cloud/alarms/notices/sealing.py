"""Endpoints at rest: sealed for one channel of one merchant, so that a row moved elsewhere does not open."""

from __future__ import annotations

import asyncpg
import sqlalchemy as sa

from vendomat.cloud.merchants import MasterKey


def sealed_endpoint(master_key: MasterKey, merchant_id: str, channel_id: str, url: str) -> bytes:
    """What the row keeps instead of the endpoint."""
    return master_key.seal({"url": url}, purpose=_purpose(merchant_id, channel_id))


def unsealed_endpoint(master_key: MasterKey, row: asyncpg.Record | sa.RowMapping) -> str:
    """The endpoint of a row of channels. Raises `VendomatError(bad_signature)`."""
    purpose = _purpose(row["merchant_id"], row["channel_id"])
    return str(master_key.unseal(bytes(row["endpoint_sealed"]), purpose=purpose)["url"])


def _purpose(merchant_id: str, channel_id: str) -> str:
    return f"notify_channel/{merchant_id}/{channel_id}"
