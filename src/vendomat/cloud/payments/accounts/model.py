"""What a person may say of an account's settings, and when the account itself may change. Pure; opens no key.

A setting that is not sent stays as it is, so one key is replaced without the others being typed again; `None` takes a
setting away. Settings of the installation can be neither read nor written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vendomat.cloud.payments.providers import SettingField, SettingForm
from vendomat.kernel import ErrorCode, VendomatError

VALUE_CHARACTERS_MAX = 30_000
"""The root certificates of a platform are one file of some ten thousand characters."""

LINES_MAX = 20
REST = timedelta(seconds=60)
"""How long a channel has to be off before its account may change: an order that began a moment before is there then."""

Settings = Mapping[str, object]


MarkKind = Literal["certificate", "key", "secret"]


@dataclass(frozen=True, slots=True)
class KeyMark:
    """How a person tells one key from another. `until` is the end of a certificate.

    `kind` certificate: its serial number. key: SHA-256 of the public key (SubjectPublicKeyInfo, DER), of a private key
    too. secret: a keyed hash, the same only for the same secret of the same account, and of no use to anybody else.
    """

    kind: MarkKind
    text: str
    until: datetime | None = None


def merged(fields: Sequence[SettingField], kept: Settings, sent: Settings) -> dict[str, object]:
    """`kept` with what was sent. Raises `VendomatError(invalid_value)`; no value is ever in its text."""
    known = {field.name: field for field in fields if field.is_of_merchant}
    settings = dict(kept)
    for name, value in sent.items():
        if name not in known:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"there is no setting {name[:64]!r} here; nothing changed")
        clean = None if value is None else _clean(known[name], value)
        if clean is None:
            settings.pop(name, None)
        else:
            settings[name] = clean
    return settings


def changed_names(before: Settings, after: Settings) -> list[str]:
    """Which settings differ, by name."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _clean(field: SettingField, value: object) -> object | None:
    """`value` in the form it is kept in; None for nothing."""
    if field.form is SettingForm.FLAG:
        if not isinstance(value, bool):
            raise _unfit(field, "yes or no")
        return value
    if field.form in (SettingForm.LIST, SettingForm.TEXTS):
        if not isinstance(value, list) or len(value) > LINES_MAX or not all(isinstance(one, str) for one in value):
            raise _unfit(field, f"at most {LINES_MAX} texts")
        return [_text(field, one) for one in value if one.strip()] or None
    if not isinstance(value, str):
        raise _unfit(field, "a text")
    text = _text(field, value)
    if text and field.choices and text not in field.choices:
        raise _unfit(field, "one of " + ", ".join(field.choices))
    return text or None


def _text(field: SettingField, value: str) -> str:
    text = value.strip()
    is_text = field.form in (SettingForm.TEXT, SettingForm.TEXTS)
    if len(text) > VALUE_CHARACTERS_MAX or (not is_text and any(ord(character) < 32 for character in text)):
        raise _unfit(field, "one line" if len(text) <= VALUE_CHARACTERS_MAX else "shorter")
    return text


def _unfit(field: SettingField, wanted: str) -> VendomatError:
    return VendomatError(ErrorCode.INVALID_VALUE, f"{field.name} has to be {wanted}; nothing changed")


def check_new_account(*, is_active: bool, off_since: datetime | None, now: datetime, open_count: int) -> None:
    """Whether the channel may move to another account at its platform. Raises `VendomatError(conflict)`.

    Payments remember their account, and only it answers for them and pays them back. So the channel is switched off
    first, and what was begun through the old account has to have ended.
    """
    if is_active or (off_since is not None and now - off_since < REST):
        raise VendomatError(
            ErrorCode.CONFLICT,
            "these settings belong to another account at the platform; nothing changed. "
            "Switch this way to pay off, wait a minute, then change the account",
        )
    if open_count:
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"{open_count} payments and refunds of the account used so far have not ended, and only it can end them; "
            "nothing changed. Leave it off until they have, then change the account",
            open=open_count,
        )
