"""`GET /media/{sha256}.svg`: pictures by the hash of their content, for machines and pages. Never changes, so kept."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from vendomat.cloud.catalog.service import Catalog
from vendomat.cloud.platform.http import described_file

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def media_router(catalog: Catalog) -> APIRouter:
    router = APIRouter(tags=["media"])

    @router.get(
        "/media/{sha256}.svg",
        operation_id="media.get",
        response_class=Response,
        responses=described_file("image/svg+xml"),
    )
    async def media(sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Response:
        media_type, content = await catalog.find_media(sha256)
        return Response(content, media_type=media_type, headers={**_HEADERS, "ETag": f'"{sha256}"'})

    return router
