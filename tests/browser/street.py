"""A browser that reaches this machine and nothing else, and the pages people open in it.

Whatever a page asks of another address is refused and kept in `strayed`; what a page's script fails at is kept in
`failures`. A journey ends well only when both are empty.
"""

from __future__ import annotations

import re

from playwright.async_api import Browser, BrowserContext, Error, Page, Route, WebSocketRoute

HOMES = ("127.0.0.1", "localhost")
"""This machine by its number, and by the name that passkeys need."""
ELSEWHERE = re.compile(
    rf"^(?!data:|blob:|about:|(?:https?|wss?)://(?:{'|'.join(map(re.escape, HOMES))})(?::\d+)?(?:[/?#]|$))"
)
"""The browser's driver matches it itself, so that only what strays is brought to us."""
PATIENCE_MS = 30_000
SIZES = {"kiosk": (1080, 1920), "phone": (390, 844), "desk": (1440, 900)}
FLAGS = (
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *(
        "--no-first-run",
        "--disable-quic",
        f"--host-resolver-rules=MAP * ~NOTFOUND, {', '.join(f'EXCLUDE {home}' for home in HOMES)}",
    ),
)


def is_home(url: str) -> bool:
    """Whether `url` stays on this machine."""
    return ELSEWHERE.match(url) is None


class Street:
    """`open` gives a page of its own to one person; `aclose` sends everybody home."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.strayed: list[str] = []
        self.failures: list[str] = []

    async def open(self, url: str, *, size: str = "kiosk", locale: str = "zh-CN", scheme: str = "light") -> Page:
        """A page at `url` in a browser profile of its own."""
        width, height = SIZES[size]
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id="Asia/Shanghai",
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=size != "desk",
            service_workers="block",
            reduced_motion="reduce",  # each frame of an animation is drawn by the processor, and shows nothing here
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.route(ELSEWHERE, self._refuse)
        await context.route_web_socket(ELSEWHERE, self._refuse_socket)
        context.on("page", self._watch)
        self._contexts.append(context)
        page = await context.new_page()
        await page.goto(url)
        return page

    async def aclose(self) -> None:
        for context in self._contexts:
            await context.close()
        self._contexts.clear()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", self._keep_failure)

    def _keep_failure(self, error: Error) -> None:
        self.failures.append(str(error))

    async def _refuse(self, route: Route) -> None:
        self.strayed.append(route.request.url)
        await route.abort("blockedbyclient")

    async def _refuse_socket(self, socket: WebSocketRoute) -> None:
        self.strayed.append(socket.url)
        await socket.close()
