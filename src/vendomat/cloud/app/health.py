"""`GET /api/v1/health`: whether this worker can do its work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel

from vendomat.cloud.platform.database import Database

Check = Callable[[], Awaitable[bool]]
CHECK_TIMEOUT_S = 3.0
_log = structlog.get_logger("health")


class HealthView(BaseModel):
    """`status` is `ok` or `failing`; `checks` says which part."""

    status: Literal["ok", "failing"]
    checks: dict[str, bool]


def database_check(database: Database) -> Check:
    """Whether it answers and keeps what it is given: without that no order can be taken."""
    return database.takes_writes


def health_router(checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/api/v1/health", operation_id="health.get", responses={503: {"model": HealthView}})
    async def health(response: Response) -> HealthView:
        results = await asyncio.gather(*(_passes(name, check) for name, check in checks.items()))
        named = dict(zip(checks, results, strict=True))
        is_ok = all(results)
        response.status_code = 200 if is_ok else 503
        response.headers["Cache-Control"] = "no-store"
        return HealthView(status="ok" if is_ok else "failing", checks=named)

    return router


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except Exception as error:
        _log.warning("health check failed", check=name, error=repr(error))
        return False
