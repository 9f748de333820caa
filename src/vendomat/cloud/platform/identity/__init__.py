"""Who is who: the project's certificate authority, identities on the wire, the command-signing key."""

from vendomat.cloud.platform.identity.authority import OWN_NAMES, CertificateAuthority, ServerCertificate
from vendomat.cloud.platform.identity.command_key import CommandKey, key_id_of, signed_by
from vendomat.cloud.platform.identity.command_keys import CommandKeys
from vendomat.cloud.platform.identity.identity import USER_LIFE_MAX, CloudIdentity
from vendomat.cloud.platform.identity.nkey import Nkey, NkeyRole, checked_public_nkey, verifies
from vendomat.cloud.platform.identity.permissions import cloud_inbox, machine_inbox, may_answer
from vendomat.cloud.platform.identity.private_files import sync_folder, write_private

__all__ = [
    "OWN_NAMES",
    "USER_LIFE_MAX",
    "CertificateAuthority",
    "CloudIdentity",
    "CommandKey",
    "CommandKeys",
    "Nkey",
    "NkeyRole",
    "ServerCertificate",
    "checked_public_nkey",
    "cloud_inbox",
    "key_id_of",
    "machine_inbox",
    "may_answer",
    "signed_by",
    "sync_folder",
    "verifies",
    "write_private",
]
