"""A merchant's ways to pay, managed by its people: keys in, marks of keys out, and what each machine offers."""

from vendomat.cloud.payments.accounts.api import accounts_router
from vendomat.cloud.payments.accounts.service import AccountDesk

__all__ = ["AccountDesk", "accounts_router"]
