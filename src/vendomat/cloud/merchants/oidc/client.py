"""Asks an identity provider over HTTPS: what it is, its keys, tokens for a code. Keeps nothing between two questions.

People sign in rarely, so nothing is cached: a key that was changed is known at once. Answers have a largest size and a
deadline, and redirects are not followed. A merchant says where we connect to; so it is looked up here, and only public
addresses are taken (those of the own network where the deployment allows it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

import httpcore

from vendomat.cloud.merchants.oidc.model import Claims, Journey, Provider, Why, refusal
from vendomat.cloud.merchants.oidc.wire import (
    Metadata,
    Tokens,
    code_question,
    error_of,
    metadata_address,
    metadata_of,
    tokens_of,
    with_userinfo,
)
from vendomat.cloud.platform.http import network

ANSWER_BYTES_MAX = 256 * 1024
TIMEOUT_S = 10.0
_AGENT = {"User-Agent": "Vendomat", "Accept": "application/json"}


class ProviderClient:
    """Raises `VendomatError` (with `why`: unreachable, refused, untrue)."""

    def __init__(self, *, is_private_allowed: bool = False, timeout_s: float = TIMEOUT_S) -> None:
        self.is_private_allowed = is_private_allowed
        self._timeout_s = timeout_s

    async def metadata(self, issuer: str) -> Metadata:
        content = await self._ask("GET", metadata_address(issuer))
        return metadata_of(content, issuer, is_private_allowed=self.is_private_allowed)

    async def tokens(self, metadata: Metadata, provider: Provider, journey: Journey, *, code: str, back: str) -> Tokens:
        question = code_question(metadata, provider, journey, code=code, back=back)
        return tokens_of(await self._ask("POST", question.address, headers=question.headers, form=question.form))

    async def keys(self, metadata: Metadata) -> bytes:
        return await self._ask("GET", metadata.jwks_uri)

    async def with_mail(self, metadata: Metadata, tokens: Tokens, claims: Claims) -> Claims:
        """The mail, where the provider gives it apart from the token."""
        if claims.email or not metadata.userinfo_endpoint or not tokens.access_token:
            return claims
        bearer = {"Authorization": f"Bearer {tokens.access_token}"}
        return with_userinfo(claims, await self._ask("GET", metadata.userinfo_endpoint, headers=bearer))

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> bytes:
        said = {**_AGENT, **(headers or {})}
        body = None
        if form is not None:
            said["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        backend = network(is_private_allowed=self.is_private_allowed)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpcore.AsyncConnectionPool(network_backend=backend) as pool,
                pool.stream(method, address, headers=list(said.items()), content=body) as answer,
            ):
                content = await _read(answer)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise refusal(
                Why.UNREACHABLE, f"no answer from {address[:200]}: {error or type(error).__name__}"
            ) from error
        if answer.status != 200:
            why = Why.REFUSED if form is not None and answer.status in (400, 401, 403) else Why.UNREACHABLE
            raise refusal(why, f"{address[:200]} answers {answer.status} {error_of(content)}".rstrip())
        return content


async def _read(answer: httpcore.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_stream():
        content += piece
        if len(content) > ANSWER_BYTES_MAX:
            raise httpcore.ReadError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(content)
