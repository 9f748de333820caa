"""Everything by which the cloud is known and lets others in, in one private folder.

The project's certificate authority, the operator and the account of the wire, the command-signing keys, the list of
revoked machine keys. Seeds and private keys never leave the folder. Refuses bearer identities, identities without an
end or longer than a day, and identities with an empty list of subjects.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from vendomat.cloud.platform.identity.authority import OWN_NAMES, CertificateAuthority, ServerCertificate
from vendomat.cloud.platform.identity.command_keys import CommandKeys
from vendomat.cloud.platform.identity.jwt import account_jwt, operator_jwt, user_jwt
from vendomat.cloud.platform.identity.nkey import Nkey, NkeyRole, checked_public_nkey
from vendomat.cloud.platform.identity.permissions import Permissions, checked_id, cloud_permissions, machine_permissions
from vendomat.cloud.platform.identity.private_files import kept, write_private
from vendomat.kernel import Clock, ErrorCode, VendomatError

USER_LIFE_MAX = timedelta(hours=24)


class CloudIdentity:
    """The identity kept in `folder` (0700), made there at set-up."""

    def __init__(self, folder: Path, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clock = clock
        self._operator = Nkey.kept_in(folder / "operator.nk", NkeyRole.OPERATOR, random_bytes)
        self._account = Nkey.kept_in(folder / "account.nk", NkeyRole.ACCOUNT, random_bytes)
        self._operator_file = folder / "operator.jwt"
        self._revocations_file = folder / "revocations.json"
        self.command_key = CommandKeys(folder / "command_keys.json", random_bytes)
        self.authority = CertificateAuthority(folder, clock)

    @property
    def account_public(self) -> str:
        """The public key of the account that all machines belong to."""
        return self._account.public

    def operator_jwt(self) -> str:
        """The root of trust, the same text for ever: a running server refuses to reload with another one."""
        return kept(self._operator_file, lambda: operator_jwt(self._operator, self._clock.now()).encode()).decode()

    def account_jwt(self) -> str:
        """The account with the revocations of now; a server takes it up by a reload.

        A key revoked longer ago than an identity lives has none left to void, so the list stays short.
        """
        now = self._clock.now()
        oldest = now - USER_LIFE_MAX - timedelta(hours=1)
        recent = {public: at for public, at in self.revocations().items() if at > oldest}
        return account_jwt(self._operator, self._account.public, now, recent)

    def issue_user_jwt(self, public_nkey: str, machine_id: str, expires_at: datetime) -> str:
        """A machine's right to its own subjects until `expires_at` (at most 24 h). Raises INVALID_VALUE, FORBIDDEN."""
        return self._issue(public_nkey, checked_id(machine_id), machine_permissions(machine_id), expires_at)

    def issue_cloud_jwt(self, public_nkey: str, worker_id: str, expires_at: datetime) -> str:
        """A cloud worker's right to the other side of every machine until `expires_at` (at most 24 h)."""
        return self._issue(public_nkey, f"cloud {checked_id(worker_id)}", cloud_permissions(worker_id), expires_at)

    def revoke(self, public_nkey: str) -> None:
        """Void every JWT issued to this key, for good. Servers learn it by a reload of `account_jwt()`."""
        entries = self.revocations()
        entries[checked_public_nkey(public_nkey, NkeyRole.USER)] = self._clock.now()
        text = json.dumps({public: at.isoformat() for public, at in entries.items()}, indent=1)
        write_private(self._revocations_file, text.encode())

    def revocations(self) -> dict[str, datetime]:
        """All revoked public keys and when it happened."""
        if not self._revocations_file.exists():
            return {}
        entries = json.loads(self._revocations_file.read_text(encoding="ascii"))
        return {public: datetime.fromisoformat(at) for public, at in entries.items()}

    def server_certificate(self, purpose: str, names: Sequence[str] = OWN_NAMES) -> ServerCertificate:
        """A valid certificate of ours for a server of these names; see `CertificateAuthority`."""
        return self.authority.server_certificate(purpose, names)

    def _issue(self, public_nkey: str, name: str, permissions: Permissions, expires_at: datetime) -> str:
        now = self._clock.now()
        if expires_at > now + USER_LIFE_MAX:
            raise VendomatError(
                ErrorCode.INVALID_VALUE, f"An identity lives at most {USER_LIFE_MAX}. None was issued; ask for less."
            )
        if public_nkey in self.revocations():
            raise VendomatError(
                ErrorCode.FORBIDDEN, "This key was revoked. No identity was issued; enrol with a new key."
            )
        return user_jwt(self._account, public_nkey, permissions, name=name, issued_at=now, expires_at=expires_at)
