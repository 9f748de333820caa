"""What the private NATS server is told. Pure text.

TLS from the first byte and nothing else; identities by JWT of our operator; no storage, no monitoring
port, no cluster.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vendomat.cloud.platform.identity import ServerCertificate

MAX_PAYLOAD_BYTES = 256 * 1024


@dataclass(frozen=True)
class NatsTrust:
    """Whom the server trusts: the operator, the one account with its revocations, its own certificate."""

    operator_jwt: str
    account_public: str
    account_jwt: str
    certificate: ServerCertificate


def config_text(trust: NatsTrust, port: int, pid_file: Path, *, host: str = "127.0.0.1") -> str:
    """The configuration file. JSON strings are valid there, so quoting is JSON's."""
    quoted = json.dumps
    return f"""server_name: vendomat
host: {quoted(host)}
port: {port}
pid_file: {quoted(str(pid_file))}
max_payload: {MAX_PAYLOAD_BYTES}
max_connections: 200000
ping_interval: "10s"
ping_max: 2
write_deadline: "5s"
tls {{
  cert_file: {quoted(str(trust.certificate.certificate))}
  key_file: {quoted(str(trust.certificate.key))}
  min_version: "1.2"
  handshake_first: true
  timeout: 5
}}
operator: {quoted(trust.operator_jwt)}
resolver: MEMORY
resolver_preload: {{
  {trust.account_public}: {quoted(trust.account_jwt)}
}}
"""
