"""Which addresses belong to the public internet: what a program that is told where to connect may reach. Pure.

Asked at the moment of connecting, of the address in numbers: a name is none, whatever it stands for now.
"""

from __future__ import annotations

import ipaddress

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
