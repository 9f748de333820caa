"""The market, whose sales are made to order."""

from __future__ import annotations

from tests.cloud.reconciliation.conftest import market
from tests.cloud.sales.conftest import world

__all__ = ["market", "world"]
