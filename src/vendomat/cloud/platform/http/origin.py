"""Where links that people are given lead: the public address, or else the one at which they reached us."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class PublicOrigin:
    """`public_url` is empty on a cloud that was not told how others reach it."""

    public_url: str = ""

    def link(self, request: Request, path: str) -> str:
        return (self.public_url or str(request.base_url).rstrip("/")) + path
