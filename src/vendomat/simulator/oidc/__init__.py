"""An emulated identity provider (OpenID Connect): anybody may sign in there as anybody, and order what goes wrong.

It speaks the real wire, uses no library of the protocol, and shares nothing with the cloud.
"""

from vendomat.simulator.oidc.program import main
from vendomat.simulator.oidc.server import IdentityProvider, Registration, Trouble

__all__ = ["IdentityProvider", "Registration", "Trouble", "main"]
