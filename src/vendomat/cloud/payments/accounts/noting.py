"""What the change log keeps of a way to pay: of its settings only those that are shown anyway, never a secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vendomat.cloud.changes import Change, State
from vendomat.cloud.merchants import Operator, PaymentAccount
from vendomat.cloud.payments.providers import SettingField


def account_state(account: PaymentAccount | None, fields: Sequence[SettingField]) -> State | None:
    if account is None:
        return None
    names = {field.name for field in fields if field.is_shown and field.is_of_merchant}
    shown = {name: value for name, value in account.settings.items() if name in names}
    return {"account": account.account, "is_active": account.is_active, **shown}


def account_change(
    operator: Operator, action: str, subject: str, *, at: datetime, before: State | None, after: State | None
) -> Change:
    return Change(
        merchant_id=operator.merchant_id,
        actor=operator.operator_id,
        action=action,
        subject=subject,
        at=at,
        before=before,
        after=after,
    )
