"""A page and its files: the console under `/console/`, the members' under `/member/`, a buyer's
under `/order/`, the API's reference under `/reference/`. Any other path of a page's own gives the page."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_NOT_BUILT = (
    "<!doctype html><meta charset=utf-8><title>Vendomat</title><p>This page has not been built yet. "
    "Run <code>python tools/build_web.py</code> and load this page again.</p>"
)


class ConsoleFiles(StaticFiles):
    """Files named by the hash of their content are kept by the browser for good; the page is asked for each time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not (self._folder / "index.html").is_file():
            return HTMLResponse(_NOT_BUILT, 503)
        parts = PurePosixPath(path).parts
        if "assets" in parts[1:]:  # the page names its files relative to where it stands
            path = str(PurePosixPath(*parts[parts.index("assets") :]))
            parts = PurePosixPath(path).parts
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or PurePosixPath(path).suffix:
                raise
            response = await super().get_response("index.html", scope)
        is_kept = bool(parts) and parts[0] == "assets"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_kept else "no-cache"
        return response
