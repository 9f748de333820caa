"""What is said on any wire: questions sealed and their answers opened, the cloud's requests opened and answered.

An answer that the cloud's keys did not sign, or that belongs to another question, is none; nor is a request of another
machine or kind than it came as. Whoever listens hears of each, and nothing changes. Refuses to know how bytes travel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import Envelope, Problem, SecurityKind, Signer, Verify, read_body, seal, unseal
from vendomat.terminal.link.contract import Down, NotAnsweredError
from vendomat.terminal.link.https import code_of

Refused = Callable[[SecurityKind, ErrorCode | None], None]
"""`refused(what, code)`; the code says why a message could not be opened."""

_REFUSED_AS = {
    ErrorCode.BAD_SIGNATURE: SecurityKind.COMMAND_FORGED,
    ErrorCode.FORBIDDEN: SecurityKind.COMMAND_MISADDRESSED,
}
_Reply = TypeVar("_Reply")


def _unnoticed(what: SecurityKind, code: ErrorCode | None) -> None:
    """For those who do not count."""


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
        refused: Refused = _unnoticed,
    ) -> None:
        self._key = key
        self._machine = machine
        self._epoch = epoch
        self._verify = verify
        self._log = log
        self._refused = refused
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
            self._note(SecurityKind.REPLY_FORGED, kind, error.code)
            raise NotAnsweredError(f"{kind}: the answer is not the cloud's") from error
        if (envelope.epoch, envelope.seq) != question.origin or envelope.kind not in (f"{kind}.reply", "problem"):
            self._note(SecurityKind.REPLY_OF_ANOTHER, kind)
            raise NotAnsweredError(f"{kind}: the answer belongs to another request")
        if envelope.kind == "problem":
            problem = read_body(envelope, Problem)
            raise VendomatError(code_of(problem.code), problem.message, **problem.detail)
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
            return unseal(data, verify=self._verify, machine=self._machine(), kind=kind)
        except VendomatError as error:
            self._note(_REFUSED_AS.get(error.code, SecurityKind.COMMAND_UNREADABLE), kind, error.code)
            raise

    def _note(self, what: SecurityKind, kind: str, code: ErrorCode | None = None) -> None:
        self._log.warning("security_event", what=what.value, kind=kind, code=code.value if code is not None else "")
        self._refused(what, code)

    def _next_origin(self) -> tuple[int, int]:
        self._seq += 1
        return self._epoch(), self._seq

    def _sealed(self, kind: str, body: object, origin: tuple[int, int]) -> bytes:
        epoch, seq = origin
        return seal(body, kind=kind, machine=self._machine(), epoch=epoch, seq=seq, signer=self._key)
