"""The market, whose days are made to order, and the statements of its merchant."""

from __future__ import annotations

from tests.cloud.reconciliation.conftest import market
from tests.cloud.sales.conftest import world

__all__ = ["market", "world"]
