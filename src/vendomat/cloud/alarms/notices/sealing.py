"""Endpoints at rest: sealed for one channel of one merchant, so that a row moved elsewhere does not open."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import sqlalchemy as sa

from vendomat.cloud.merchants import MasterKey


def sealed_endpoint(master_key: MasterKey, merchant_id: str, channel_id: str, endpoint: Mapping[str, str]) -> bytes:
    """What the row keeps instead of the endpoint: its `url`, and a browser's keys."""
    return master_key.seal(endpoint, purpose=_purpose(merchant_id, channel_id))


def unsealed_endpoint(master_key: MasterKey, row: asyncpg.Record | sa.RowMapping) -> dict[str, str]:
    """The endpoint of a row of channels. Raises `VendomatError(bad_signature)`."""
    purpose = _purpose(row["merchant_id"], row["channel_id"])
    endpoint = master_key.unseal(bytes(row["endpoint_sealed"]), purpose=purpose)
    return {name: str(value) for name, value in endpoint.items()}


def _purpose(merchant_id: str, channel_id: str) -> str:
    return f"notify_channel/{merchant_id}/{channel_id}"
