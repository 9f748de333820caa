"""Which addresses belong to the public internet: what a program that is told where to connect may reach. Pure.

Asked at the moment of connecting, of the address in numbers: a name is none, whatever it stands for now.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Addresses behind which a gateway reaches any other."""


def is_public(host: str) -> bool:
    """Whether `host` is an address of the public internet; a name is none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if address in _TRANSLATED:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    sixtofour = address.sixtofour if isinstance(address, ipaddress.IPv6Address) else None
    inner = mapped or sixtofour or address
    return inner.is_global and not inner.is_multicast


def is_address(address: str, *, is_private_allowed: bool) -> bool:
    """Whether we go there, or send anybody: HTTPS; plain HTTP on this machine only, and only where that is allowed."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or any(ord(one) <= 32 for one in address):
        return False
    return parts.scheme == "https" or (is_private_allowed and parts.scheme == "http" and parts.hostname in LOCAL_HOSTS)
