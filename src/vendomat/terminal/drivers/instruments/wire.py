"""How Linux writes down its routes and radios (`/proc/net/route`, `/proc/net/wireless`), read as a signal. Pure.

A cellular modem's strength stands in neither: it says that it is one, and not how well it hears.
"""

from __future__ import annotations

from vendomat.protocol import Signal

_ANYWHERE = "00000000"
_CELLULAR = ("wwan", "ppp", "rmnet", "cdc")
_DBM_MIN = -150


def signal_of(routes: str, wireless: str) -> Signal | None:
    """The way of the default route with the smallest metric; None when there is no way out."""
    rows = [line.split() for line in routes.splitlines()[1:]]
    ways = [(int(row[6]), row[0]) for row in rows if len(row) > 7 and row[1] == row[7] == _ANYWHERE]
    if not ways:
        return None
    name = min(ways)[1]
    level = _levels(wireless).get(name)
    if level is not None:
        return Signal(way="wifi", dbm=level if _DBM_MIN <= level <= 0 else None)
    return Signal(way="cellular" if name.startswith(_CELLULAR) else "wired")


def _levels(wireless: str) -> dict[str, int]:
    """The level of each radio: `wlan0: 0000   54.  -56.  -256 ...`, after two lines of titles."""
    rows = (line.split() for line in wireless.splitlines()[2:])
    return {row[0].rstrip(":"): int(float(row[3])) for row in rows if len(row) > 3}
