"""What is said on any wire: questions sealed and their answers opened, the cloud's requests opened and answered.

An answer that the cloud's keys did not sign, or that belongs to another question, is none: it is a security event and
nothing changes. Refuses to know how bytes travel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import Envelope, Problem, Signer, Verify, read_body, seal, unseal
from vendomat.terminal.link.contract import Down, NotAnsweredError
from vendomat.terminal.link.https import code_of

_Reply = TypeVar("_Reply")


@dataclass(frozen=True, slots=True)
class Question:
    """A sealed request on its way; `origin` (epoch, seq) is what its answer must name."""

    kind: str
    origin: tuple[int, int]
    data: bytes


class SealedTalk:
    """`machine` and `epoch` are asked for each message; `verify` knows the cloud's keys."""

    def __init__(
        self,
        key: Signer,
        *,
        machine: Callable[[], str],
        epoch: Callable[[], int],
        verify: Verify,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._key = key
        self._machine = machine
        self._epoch = epoch
        self._verify = verify
        self._log = log
        self._seq = 0

    def ask(self, kind: str, body: object) -> Question:
        origin = self._next_origin()
        return Question(kind, origin, self._sealed(kind, body, origin))

    def answer(self, question: Question, data: bytes, reply_type: type[_Reply]) -> _Reply:
        """The reply in `data`. Raises `NotAnsweredError` for what is none, `VendomatError` for a refusal."""
        kind = question.kind
        try:
            envelope = unseal(data, verify=self._verify, machine=self._machine())
        except VendomatError as error:
            self._log.warning("security_event", what="reply_not_ours", kind=kind, code=error.code.value)
            raise NotAnsweredError(f"{kind}: the answer is not the cloud's") from error
        if (envelope.epoch, envelope.seq) != question.origin:
            self._log.warning("security_event", what="reply_to_another_request", kind=kind)
            raise NotAnsweredError(f"{kind}: the answer belongs to another request")
        if envelope.kind == "problem":
            problem = read_body(envelope, Problem)
            raise VendomatError(code_of(problem.code), problem.message, **problem.detail)
        if envelope.kind != f"{kind}.reply":
            raise NotAnsweredError(f"{kind}: the answer is of kind {envelope.kind}")
        return read_body(envelope, reply_type)

    async def serve(self, kind: str, data: bytes, down: Down) -> bytes | None:
        """Open one request of the cloud, have it served, and seal the reply; None when there is none to send."""
        try:
            body = await down(self._opened(data, kind))
        except VendomatError as error:
            self._log.warning("request_refused", kind=kind, code=error.code.value, detail=error.message)
            body = Problem(code=error.code.value, message=error.message[:500])
        except Exception:
            # No answer is a true one: what became of the request is not known. The cloud asks again.
            self._log.exception("request_failed", kind=kind)
            return None
        if body is None:
            return None
        reply_kind = "problem" if isinstance(body, Problem) else f"{kind}.reply"
        return self._sealed(reply_kind, body, self._next_origin())

    def _opened(self, data: bytes, kind: str) -> Envelope:
        try:
            envelope = unseal(data, verify=self._verify, machine=self._machine())
        except VendomatError as error:
            self._log.warning("security_event", what="command_not_ours", kind=kind, code=error.code.value)
            raise
        if envelope.kind != kind:
            raise VendomatError(ErrorCode.FORBIDDEN, "the message came on another subject than it names")
        return envelope

    def _next_origin(self) -> tuple[int, int]:
        self._seq += 1
        return self._epoch(), self._seq

    def _sealed(self, kind: str, body: object, origin: tuple[int, int]) -> bytes:
        epoch, seq = origin
        return seal(body, kind=kind, machine=self._machine(), epoch=epoch, seq=seq, signer=self._key)
