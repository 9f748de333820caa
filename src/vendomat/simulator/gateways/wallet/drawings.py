"""The wallet page's own drawings: plain line icons, no mark of any company."""

from __future__ import annotations


def _drawing(size: int, paths: str, width: float = 2) -> str:
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{paths}</svg>'
    )


_CODE = (
    '<rect x="3.5" y="3.5" width="6.5" height="6.5" rx="1.4"/><rect x="14" y="3.5" width="6.5" height="6.5" rx="1.4"/>'
    '<rect x="3.5" y="14" width="6.5" height="6.5" rx="1.4"/>'
    '<path d="M14 14h2.4v2.4M20.5 14v.1M14 20.5h.1M18 18h2.5v2.5"/>'
)
_LIST = '<rect x="4.5" y="3" width="15" height="18" rx="2.6"/><path d="M8.5 8h7M8.5 12h7M8.5 16h4"/>'
_WALLET = (
    '<rect x="3" y="6" width="18" height="13.5" rx="3"/><path d="M3.4 8.2 15.5 3.6c1-.4 2 .3 2 1.4v1"/>'
    '<path d="M21 11h-4.2a2 2 0 0 0 0 4H21"/>'
)
_MACHINE = (
    '<rect x="4.5" y="2.8" width="15" height="18.4" rx="2.4"/><path d="M7.8 6.4h5.4v7H7.8zM16.4 6.5v.1M16.4 9.6v.1"/>'
    '<path d="M8 17.4h8"/>'
)

CODE = _drawing(24, _CODE, 1.8)
LIST = _drawing(24, _LIST, 1.8)
WALLET_TAB = _drawing(24, _WALLET, 1.8)
WALLET = _drawing(34, _WALLET, 1.7)
MACHINE = _drawing(24, _MACHINE, 1.7)
CODE_LARGE = _drawing(44, _CODE, 1.4)
LIST_LARGE = _drawing(44, _LIST, 1.4)
CROSS = _drawing(22, '<path d="M6 6l12 12M18 6 6 18"/>')
DONE = _drawing(84, '<circle cx="12" cy="12" r="9.5"/><path d="m7.8 12.4 2.9 2.9 5.6-6.1"/>', 1.5)
NOT_DONE = _drawing(84, '<circle cx="12" cy="12" r="9.5"/><path d="M8.2 12h7.6"/>', 1.5)
LOST = _drawing(
    84,
    '<path d="M3.5 9.5a13 13 0 0 1 17 0M6.8 13a8.4 8.4 0 0 1 10.4 0M10 16.4a3.6 3.6 0 0 1 4 0M12 19.6v.1M4 4l16 16"/>',
    1.5,
)
REFUSED = _drawing(84, '<circle cx="12" cy="12" r="9.5"/><path d="M12 7v6M12 16.6v.1"/>', 1.5)
