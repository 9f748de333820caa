"""The cloud's settings: one frozen value, read once from the environment (`VENDOMAT_…`), passed on as arguments."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
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
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    https_port: int = 8443
    metrics_port: int = 0  # on 127.0.0.1; 0: `/metrics` of the public port, for where that is not open to the world
    public_url: str = ""  # what payment platforms call back; empty: http://host:port

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

    @property
    def base_url(self) -> str:
        """Where people and platforms reach this cloud."""
        return self.public_url or f"http://{self.http_host}:{self.http_port}"

    @property
    def machines_url(self) -> str:
        """Where machines enrol."""
        return f"https://{self.http_host}:{self.https_port}"

    @property
    def bills_folder(self) -> Path:
        return self.bills_dir or self.data_dir / "bills"
