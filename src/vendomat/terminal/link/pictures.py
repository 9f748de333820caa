"""Pictures of goods, kept on disk under the SHA-256 of their content; what does not fit its name is thrown away."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from vendomat.kernel import VendomatError
from vendomat.terminal.link.https import CloudHttps
from vendomat.terminal.link.keys import write_private

_NAME = re.compile(r"([0-9a-f]{64})\.(svg|png|jpg|webp)")
_PATH = re.compile(r"/media/(([0-9a-f]{64})\.(?:svg|png|jpg|webp))")


class Pictures:
    def __init__(self, folder: Path, https: CloudHttps) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._https = https
        self._here = {path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)}

    def path_of(self, name: str) -> Path | None:
        """The file of `<sha256>.<form>`, when it is here."""
        return self._folder / name if name in self._here else None

    def address_of(self, image: str) -> str:
        """The catalogue's `/media/<sha256>.<form>` when the picture is here, else empty."""
        found = _PATH.fullmatch(image)
        return image if found and found[1] in self._here else ""

    async def fetch(self, image: str) -> bool:
        """Get a picture that is missing; False when there was nothing to get or its content is another's.

        Raises as `CloudHttps.get` does, and `OSError`.
        """
        found = _PATH.fullmatch(image)
        if found is None or found[1] in self._here:
            return False
        content = await self._https.get(image)
        if hashlib.sha256(content).hexdigest() != found[2]:
            return False
        write_private(self._folder / found[1], content)
        self._here.add(found[1])
        return True

    async def fetch_all(self, images: list[str]) -> bool:
        """As many as can be had; True when any came."""
        has_news = False
        for image in dict.fromkeys(images):
            try:
                has_news = await self.fetch(image) or has_news
            except (VendomatError, OSError):
                continue  # shown without a picture until the next catalogue
        return has_news
