"""The emulated provider as a process of its own, ended by SIGTERM or SIGINT. Prints where it is and how to use it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import msgspec
import uvicorn

from vendomat.kernel import SystemClock
from vendomat.simulator.oidc.server import IdentityProvider

_GUIDE = """\
1. Start your cloud with VENDOMAT_OIDC_PRIVATE=1, which lets it speak to providers of this machine.
2. In the console, under People, set the identity provider: the issuer, client id and secret above.
3. Sign out, and press its button on the sign-in page: you may be anybody there, and choose what goes wrong.
"""


def main(host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until told to end. A port of 0 is any free one."""
    listening = socket.create_server((host, port))
    issuer = f"http://{host}:{listening.getsockname()[1]}"
    provider = IdentityProvider(issuer, SystemClock())
    said = {
        "issuer": issuer,
        "client_id": provider.registration.client_id,
        "client_secret": provider.registration.client_secret,
    }
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n" + _GUIDE)
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(provider.app, log_config=None, timeout_graceful_shutdown=1))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listening]))
