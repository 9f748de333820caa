"""The settings file of a terminal, `terminal.json`: strict, small, without secrets except the one-time token.

The token is erased from the file once it was used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import CashLevels, Signal
from vendomat.terminal.link import write_private
from vendomat.terminal.loop import CrashRule

FILE_NAME = "terminal.json"
ENROLMENT_NAME = "enrolment.json"
"""Beside the settings: what the cloud said when it let this machine in."""


class SimulatedProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A simulated cabinet (or open-door cooler): first filling by slot, and how many times faster than life
    a cabinet runs; a cooler waits for its buyer.
    """

    slots: dict[Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,6}\Z")], Annotated[int, Meta(ge=0, le=200)]]
    cash: CashLevels | None = None  # none: no coins and notes here
    signal: Signal | None = None  # none: as this computer reaches the network
    speed: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    is_cooler: bool = False


class TerminalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ca_file` is relative to the settings' folder; `wallet_urls` (with `{code}`) count in the demo only.

    A program that dies again and again within `quiet_s` of its start is locked, and for ten times as long then.
    """

    cloud_https_url: str
    ca_file: str
    enrolment_token: str = ""
    kiosk_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    simulated: SimulatedProfile
    is_demo: bool = False
    wallet_urls: dict[str, str] = {}
    quiet_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    mm_px: Annotated[float, Meta(gt=0)] = 3.78

    @property
    def crash_rule(self) -> CrashRule:
        return CrashRule(quiet_s=self.quiet_s, locked_s=10 * self.quiet_s)


def read_settings(folder: Path) -> TerminalSettings:
    """Raises `VendomatError` that names the field at fault."""
    path = folder / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=TerminalSettings)
    except FileNotFoundError as error:
        raise VendomatError(ErrorCode.NOT_FOUND, f"there is no {FILE_NAME} in {folder}") from error
    except msgspec.MsgspecError as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{FILE_NAME}: {error}") from error


def erase_token(folder: Path, settings: TerminalSettings) -> TerminalSettings:
    """The settings without the token, in the file too."""
    without = msgspec.structs.replace(settings, enrolment_token="")
    write_private(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(without)) + b"\n")
    return without
