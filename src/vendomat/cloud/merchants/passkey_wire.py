"""What browsers are asked about passkeys, and whether what they answer is true (WebAuthn level 3). Keeps nothing.

The browser only ever uses a passkey for the site that it was made for: a name, never an address in numbers. Without a
public address that site is `localhost`, which browsers take for secure. Whatever in an answer cannot be read or is not
true is one refusal. The library is loaded at first use: it takes a third of a second.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vendomat.cloud.merchants.model import Operator
from vendomat.kernel import ErrorCode, VendomatError

RP_NAME = "Vendomat"
Credential = Mapping[str, Any]
"""What the browser answered, as its `toJSON` says it."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whose passkeys they are: `rp_id` is the host, `origin` what the browser says with each answer."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewCredential:
    credential_id: bytes
    public_key: bytes
    sign_count: int


def site_at(base_url: str) -> Site | None:
    """The site behind the address that people use; None where browsers refuse passkeys (no name, or not secure)."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None:
        if not address.is_loopback:
            return None
        host = "localhost"
    if parts.scheme != "https" and host != "localhost":
        return None
    port = "" if parts.port is None else f":{parts.port}"
    return Site(host, f"{parts.scheme}://{host}{port}")


def creation_options(site: Site, operator: Operator, challenge: bytes, known: Sequence[bytes]) -> dict[str, Any]:
    """For `navigator.credentials.create`: one that can be found without a name, and asks who holds it."""
    from webauthn import generate_registration_options
    from webauthn.helpers import structs

    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=RP_NAME,
        user_id=operator.operator_id.encode(),
        user_name=operator.email,
        user_display_name=operator.name,
        challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return _as_json(options)


def request_options(site: Site, challenge: bytes, allowed: Sequence[bytes] = ()) -> dict[str, Any]:
    """For `navigator.credentials.get`: any passkey of the site, or one of those `allowed`."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import structs

    options = generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in allowed],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return _as_json(options)


def challenge_of(credential: Credential) -> bytes:
    """The challenge that an answer says it answers. Raises `VendomatError(forbidden)`."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    response = credential.get("response")
    said = response.get("clientDataJSON") if isinstance(response, dict) else None
    with _refusing():
        return parse_client_data_json(base64url_to_bytes(_text(said))).challenge


def credential_id_of(credential: Credential) -> bytes:
    """Raises `VendomatError(forbidden)`."""
    from webauthn.helpers import base64url_to_bytes

    with _refusing():
        return base64url_to_bytes(_text(credential.get("rawId")))


def checked_new(site: Site, credential: Credential, challenge: bytes) -> NewCredential:
    """A passkey just made for us, by somebody whom the device knows. Raises `VendomatError(forbidden)`."""
    from webauthn import verify_registration_response

    with _refusing():
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    return NewCredential(made.credential_id, made.credential_public_key, made.sign_count)


def checked_use(site: Site, credential: Credential, challenge: bytes, known: NewCredential) -> int:
    """The passkey's count of uses after this one, which somebody made whom the device knows; a count that does not grow
    is a copy's. Raises `VendomatError(forbidden)`."""
    from webauthn import verify_authentication_response

    with _refusing():
        used = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    return used.new_sign_count


@contextmanager
def _refusing() -> Iterator[None]:
    """What the library finds wrong with an answer, and text that is no bytes, is refused. A fault of ours is not."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError) as error:
        raise refusal() from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refusal()
    return value


def refusal() -> VendomatError:
    """One for everything: what exactly was wrong helps nobody who holds a passkey of ours."""
    return VendomatError(ErrorCode.FORBIDDEN, "this passkey was not accepted; nothing changed. Try again")


def _as_json(options: Any) -> dict[str, Any]:
    from webauthn import options_to_json

    said: dict[str, Any] = msgspec.json.decode(options_to_json(options))
    return said
