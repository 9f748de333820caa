"""The cloud's settings: one frozen value, read once from the environment (`VENDOMAT_…`), passed on as arguments."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

THREADS_PER_LANE = 4
"""One account may have one in so many of its channel's `platform_threads` busy, so that others have theirs."""


class CloudSettings(BaseSettings):
    """Times are seconds of the cloud's clock. The defaults are the ones the safety argument was made with."""

    model_config = SettingsConfigDict(env_prefix="VENDOMAT_", frozen=True)

    data_dir: Path = Path(".vendomat")
    bills_dir: Path | None = None  # payment platforms' bills; shared by all workers. None: "bills" in `data_dir`
    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    nats_url: str = Field(default="", validation_alias="NATS_URL")
    http_host: str = "127.0.0.1"  # console, machines' port and wire listen here; 0.0.0.0: everywhere
    http_port: int = 8080
    https_port: int = 8443
    metrics_port: int = 0  # on 127.0.0.1; 0: `/metrics` of the public port, for where that is not open to the world
    # Where people, machines and payment platforms reach this cloud, and whose passkeys it takes. Empty: this machine.
    public_url: str = ""

    heartbeat_s: float = 5.0
    lease_s: float = 20.0
    ttl_s: float = 30.0
    silence_s: float = 15.0  # no answer to a command for this long: ask for a fence
    deadline_s: float = 90.0  # after the lease's end: unknown becomes final
    clock_margin_s: float = 2.0  # for the rate of the terminal's clock
    resend_s: float = 3.0
    qr_s: float = 120.0
    late_grace_s: float = 30.0  # paid this long after the QR's end still vends, if the order is still open
    # A code lives at its platform at most a minute longer than ours; two more minutes for an answer on its way.
    platform_expiry_margin_s: float = 180.0
    payment_poll_first_s: float = 3.0
    payment_poll_s: float = 3.0
    charge_poll_s: float = 5.0  # a code that the buyer showed: first look-up, and each one after
    charge_give_up_s: float = 30.0  # not paid by then: reversed
    lookups_per_second: float = 50.0  # per merchant and channel
    sweep_pause_s: float = 0.25  # between two looks for rows that are due
    units_max: int = 10
    price_grace_s: float = 60.0  # a price that the screen showed still counts so long after its promotion's hours
    slot_lock_after: int = Field(default=2, ge=1, le=20)  # unknown ends among a slot's last 20 vends lock it
    # Beyond so many refunds of undelivered goods a machine and hour, a person looks before money goes. 0: no limit.
    refunds_per_machine_hour: int = 30
    # The same beyond so many refunds to one payer within so many days, at whichever machine. 0: no limit.
    refunds_per_payer: int = Field(default=5, ge=0)
    payer_days: int = Field(default=7, ge=1, le=365)
    goodwill_alone_minor: int = Field(default=5_000, ge=0)  # above it a second person has to let the money go

    # Whoever is signed in proves again who they are before prices, refunds, keys, people and locks, once this is over.
    proof_s: float = Field(default=900.0, gt=0)

    oidc_private: bool = False  # identity providers may be in the own network, and over HTTP on this machine
    notify_private: bool = False  # notices of alarms may go to addresses that are not public, in the own network

    claims_per_machine_day: int = Field(default=3, ge=0)  # so many claims raise an alarm. 0: never

    # Members' wallets, in minor units; a day is the last 24 hours.
    top_up_s: float = 300.0  # how long the code of a top-up is good
    wallet_top_up_min_minor: int = Field(default=100, ge=1)
    wallet_top_up_max_minor: int = Field(default=50_000, ge=0)
    wallet_top_up_day_max_minor: int = Field(default=100_000, ge=0)
    wallet_balance_max_minor: int = Field(default=100_000, ge=0)
    wallet_spend_day_max_minor: int = Field(default=50_000, ge=0)

    hot_connections: int = 6
    stuck_s: float = 10.0  # a transaction whose worker sleeps this long is ended by the server
    batch_wait_s: float = 0.002
    batch_items_max: int = 128
    platform_threads: int = 16

    @field_validator("public_url")
    @classmethod
    def _checked_public_url(cls, value: str) -> str:
        """The origin alone: links add their own path."""
        parts = urlsplit(value.rstrip("/"))
        is_origin = parts.scheme in ("http", "https") and parts.hostname and not (parts.path or parts.query)
        if value and (not is_origin or parts.fragment or parts.username is not None):
            raise ValueError("VENDOMAT_PUBLIC_URL is a scheme and a host, as https://vending.example")
        return value.rstrip("/")

    @property
    def base_url(self) -> str:
        """Where people and platforms reach this cloud."""
        return self.public_url or f"http://{in_url(self.own_host)}:{self.http_port}"

    @property
    def public_host(self) -> str:
        """The name or number that others know this computer by."""
        return urlsplit(self.base_url).hostname or self.own_host

    @property
    def own_host(self) -> str:
        """The number at which this computer reaches itself."""
        return "127.0.0.1" if self.http_host in ("", "0.0.0.0", "::") else self.http_host  # noqa: S104

    @property
    def host_names(self) -> tuple[str, ...]:
        """What our own servers' certificates vouch for."""
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", self.own_host, self.public_host)))

    @property
    def machines_url(self) -> str:
        """Where machines enrol."""
        return f"https://{in_url(self.public_host)}:{self.https_port}"

    def outside(self, own_url: str) -> str:
        """An address of ours on this computer, as others reach it."""
        parts = urlsplit(own_url)
        return f"{parts.scheme}://{in_url(self.public_host)}:{parts.port}"

    def missing(self) -> list[str]:
        """What keeps others from reaching this cloud, each with what to set; nothing where it serves itself alone."""
        is_open = not is_loopback(self.http_host)
        if not self.public_url and not is_open and not self.database_url:
            return []
        if not self.public_url:
            return [
                "VENDOMAT_PUBLIC_URL is not set: links, mails, machines and payment platforms are told "
                f"{self.base_url}, which only this computer reaches. Set it to the address that others use."
            ]
        if is_loopback(self.public_host):
            return []
        found = []
        if not self.public_url.startswith("https://"):
            found.append(
                "VENDOMAT_PUBLIC_URL is not HTTPS: what people sign in with travels readable, and there are no "
                "passkeys. Put a server with a certificate in front."
            )
        if not is_open:
            found.append(
                f"VENDOMAT_HTTP_HOST is {self.http_host}: machines elsewhere reach neither port {self.https_port}, "
                "where they enrol, nor the wire. Set it to 0.0.0.0, or lead both there."
            )
        return found

    @property
    def bills_folder(self) -> Path:
        return self.bills_dir or self.data_dir / "bills"


def is_loopback(host: str) -> bool:
    """Whether `host` is this computer to itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def in_url(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
