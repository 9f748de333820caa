"""One message to one endpoint, as a process of its own that can be killed: JSON in, JSON out, then it ends.

Reads `{url, title, text, schemes, is_private_allowed, timeout_s, is_check}` from its input and answers `{is_sent,
scheme, reason}`. Refuses to connect to any address that is not public (unless that is allowed), at the moment of
connecting, so neither a name that resolves to another address nor a redirect leads inside. Shares one rule of the
kernel and nothing else, so that it starts fast; never prints the endpoint.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

REASON_CHARACTERS_MAX = 300


class NotPublicError(OSError):
    """The endpoint leads to an address that is not public."""


class _Last(logging.Handler):
    """Keeps the last word of the library about why something did not work."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()


def guard(refused: list[str]) -> None:
    """From now on this process connects to public addresses only; what was refused is noted."""
    sys.path.insert(0, str(Path(__file__).parents[4]))  # it runs isolated, and does not know where it belongs
    from vendomat.kernel import is_public

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        address = arguments[1]
        host = str(address[0]) if isinstance(address, tuple) and address else ""
        if is_public(host):
            return
        refused.append(host)
        raise NotPublicError(f"{host or 'a local socket'} is not a public address")

    sys.addaudithook(look)


def deliver(order: dict[str, object]) -> dict[str, object]:
    """Do what `order` says."""
    refused: list[str] = []
    if not order["is_private_allowed"]:
        guard(refused)
    import apprise

    last = _Last()
    logging.getLogger("apprise").addHandler(last)
    logging.getLogger("apprise").propagate = False
    plugin = apprise.Apprise.instantiate(str(order["url"]), suppress_exceptions=True)
    if plugin is None:
        return _answer("", "this is not an endpoint that can be read")
    schemes: set[str] = set()
    for known in (plugin.protocol, plugin.secure_protocol):
        schemes |= {known} if isinstance(known, str) else set(known or ())
    wanted = order["schemes"]
    allowed = sorted(schemes & set(wanted)) if isinstance(wanted, list) else []
    if not allowed:
        return _answer("", "this kind of endpoint is not among those that are allowed")
    scheme = str(order["url"]).partition(":")[0].lower()
    scheme = scheme if scheme in allowed else allowed[0]
    if order["is_check"]:
        return _answer(scheme, "", is_sent=True)
    plugin.redirects = False
    plugin.socket_connect_timeout = plugin.socket_read_timeout = float(str(order["timeout_s"]))
    is_sent = bool(plugin.notify(body=str(order["text"]), title=str(order["title"]), body_format="text"))
    if refused:
        return _answer(scheme, f"{refused[0] or 'its address'} is not a public address, and only those are allowed")
    return _answer(scheme, "" if is_sent else last.said or "the endpoint did not take it", is_sent=is_sent)


def _answer(scheme: str, reason: str, *, is_sent: bool = False) -> dict[str, object]:
    return {"is_sent": is_sent, "scheme": scheme, "reason": reason[:REASON_CHARACTERS_MAX]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(deliver(json.loads(sys.stdin.read()))))
