"""`GET /media/{sha256}.{form}`: pictures by the hash of their content, for machines and pages. Never change."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from vendomat.cloud.catalog.photo import media_type_of
from vendomat.cloud.catalog.service import Catalog
from vendomat.cloud.platform.http import described_file
from vendomat.kernel import ErrorCode, VendomatError

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def media_router(catalog: Catalog) -> APIRouter:
    router = APIRouter(tags=["media"])

    @router.get(
        "/media/{sha256}.{form}",
        operation_id="media.get",
        response_class=Response,
        responses=described_file("image/svg+xml", "image/png", "image/jpeg", "image/webp"),
    )
    async def media(
        sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
        form: Annotated[str, Path(pattern=r"^(svg|png|jpg|webp)$")],
    ) -> Response:
        media_type, content = await catalog.find_media(sha256)
        if media_type != media_type_of(form):
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such picture")
        return Response(content, media_type=media_type, headers={**_HEADERS, "ETag": f'"{sha256}"'})

    return router
