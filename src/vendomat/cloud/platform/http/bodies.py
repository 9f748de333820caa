"""A body read up to a limit, as it came: for notices, whose signature is over its bytes."""

from __future__ import annotations

from fastapi import Request

from vendomat.kernel import ErrorCode, VendomatError


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises `VendomatError(too_large)` once it is longer, without reading on."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise VendomatError(ErrorCode.TOO_LARGE, f"a body here has at most {bytes_max} bytes; nothing changed")
    return bytes(body)
