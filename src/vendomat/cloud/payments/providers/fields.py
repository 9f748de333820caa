"""What each setting of an account is, said beside its type and read back for those who fill it in. Pure.

A setting that says nothing of itself is taken for a secret: a forgotten word hides too much, never too little. Hosts,
time-outs and the like are the installation's: whoever may name a host for keys to be sent to may read what it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec.inspect import BoolType, Field, LiteralType, Metadata, StructType, VarTupleType, type_info

_WORD = "vendomat"


class SettingKind(StrEnum):
    ACCOUNT = "account"  # the account's own name at the platform, under which payments are kept
    OPEN = "open"  # shown to the merchant's people
    KEY = "key"  # public, long, and told from another by its mark
    SECRET = "secret"  # noqa: S105 - a kind of setting; shown to nobody
    OURS = "ours"  # of the installation, not of the merchant


class SettingForm(StrEnum):
    LINE = "line"
    TEXT = "text"  # several lines, as PEM is
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"  # lines, one for each
    TEXTS = "texts"  # texts, one after the other


def _meta(kind: SettingKind, *, is_pem: bool = False) -> msgspec.Meta:
    return msgspec.Meta(extra={_WORD: (kind, is_pem)})


AccountName = Annotated[str, _meta(SettingKind.ACCOUNT)]
Open = Annotated[str, _meta(SettingKind.OPEN)]
Pem = Annotated[str, _meta(SettingKind.KEY, is_pem=True)]
Secret = Annotated[str, _meta(SettingKind.SECRET)]
SecretPem = Annotated[str, _meta(SettingKind.SECRET, is_pem=True)]
OURS = _meta(SettingKind.OURS)
OPEN = _meta(SettingKind.OPEN)
PEMS = _meta(SettingKind.KEY, is_pem=True)
SECRETS = _meta(SettingKind.SECRET)


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting, for those who fill it in. `default` is what holds while it is not set."""

    name: str
    kind: SettingKind
    form: SettingForm
    is_required: bool
    choices: tuple[str, ...] = ()
    default: object = None

    @property
    def is_shown(self) -> bool:
        """Whether its value may leave the cloud."""
        return self.kind in (SettingKind.ACCOUNT, SettingKind.OPEN)

    @property
    def is_secret(self) -> bool:
        return self.kind is SettingKind.SECRET

    @property
    def is_of_merchant(self) -> bool:
        """Whether the merchant's people set it."""
        return self.kind is not SettingKind.OURS


def setting_fields(shape: type[msgspec.Struct]) -> tuple[SettingField, ...]:
    """The settings of `shape`, in its order."""
    info = type_info(shape)
    assert isinstance(info, StructType)
    return tuple(_field(field) for field in info.fields)


def _field(field: Field) -> SettingField:
    found: Any = field.type
    kind, is_pem = SettingKind.SECRET, False
    if isinstance(found, Metadata):
        kind, is_pem = (found.extra or {}).get(_WORD, (kind, is_pem))
        found = found.type
    form = SettingForm.TEXT if is_pem else SettingForm.LINE
    choices: tuple[str, ...] = ()
    if isinstance(found, BoolType):
        form = SettingForm.FLAG
    elif isinstance(found, LiteralType):
        form, choices = SettingForm.CHOICE, tuple(str(value) for value in found.values)
    elif isinstance(found, VarTupleType):
        form = SettingForm.TEXTS if is_pem else SettingForm.LIST
    default = None if field.default is msgspec.NODEFAULT else field.default
    return SettingField(field.name, kind, form, field.required, choices, default)
