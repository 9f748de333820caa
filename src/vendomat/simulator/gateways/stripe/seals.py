"""How Stripe sends an event: its schedule, the `Stripe-Signature` header, any 2xx as the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from vendomat.simulator.gateways.notices import Guise, Notice, xml_copy
from vendomat.simulator.gateways.stripe import wire

SecretsOf = Callable[[str], tuple[str, ...]]
"""The secrets of an account's endpoint, each of which signs while one is rolled."""


class StripeDresser:
    """`stranger` signs what nobody at Stripe signed, `neighbour` what belongs to another endpoint."""

    retry_delays_s = wire.RETRY_DELAYS_S

    def __init__(self, secrets_of: SecretsOf, *, stranger: str, neighbour: str) -> None:
        self._secrets_of = secrets_of
        self._stranger = stranger
        self._neighbour = neighbour

    def dress(self, notice: Notice, guise: Guise, now: datetime) -> tuple[Mapping[str, str], bytes]:
        if guise == Guise.XML:
            return xml_copy(notice)
        body = notice.content.encode()
        at_s = int(now.timestamp()) - (wire.STALE_BY_S if guise == Guise.STALE else 0)
        secrets = self._secrets_of(notice.account)
        if guise == Guise.FORGED:
            secrets = (self._stranger,)
        elif guise == Guise.WRONG_KEY:
            secrets = (self._neighbour,)
        # In test mode Stripe also sends signatures of a scheme that nobody must trust: the nearest it has to a probe.
        scheme = "v0" if guise == Guise.SIGNTEST else "v1"
        header = wire.signature_header(secrets, at_s, body, scheme=scheme)
        return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}, body

    def is_accepted(self, status: int, body: bytes) -> bool:
        return 200 <= status < 300
