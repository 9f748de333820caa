"""`POST /enrol`, `POST /enrol/renew`: spoken by machines over HTTPS, in the protocol's own messages.

And the file that a machine which knows only its enrolment link fetches first.
"""

from typing import TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from vendomat.cloud.machines.enrolment import Enrolment
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import AUTHORITY_PATH, EnrolRequest, RenewRequest

_Body = TypeVar("_Body")


def enrolment_router(enrolment: Enrolment, authority: bytes = b"") -> APIRouter:
    router = APIRouter(tags=["enrolment"])

    @router.post("/enrol", operation_id="machine.enrol")
    async def enrol(request: Request) -> Response:
        body = _read(await request.body(), EnrolRequest)
        return _answer(await enrolment.enrol(body, address=_address(request)))

    @router.post("/enrol/renew", operation_id="machine.renew")
    async def renew(request: Request) -> Response:
        body = _read(await request.body(), RenewRequest)
        return _answer(await enrolment.renew(body, address=_address(request)))

    @router.get(AUTHORITY_PATH, operation_id="machine.authority")
    async def look() -> Response:
        return Response(authority, media_type="application/x-pem-file")

    return router


def _read(body: bytes, body_type: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body, type=body_type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VendomatError(ErrorCode.MALFORMED, f"the request was not understood: {error}") from error


def _answer(reply: object) -> Response:
    return Response(msgspec.json.encode(reply), media_type="application/json", headers={"Cache-Control": "no-store"})


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"
