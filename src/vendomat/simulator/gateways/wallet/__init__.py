"""The buyer's phone: one page per platform to see codes nearby, pay or refuse them, and look at bills."""

from vendomat.simulator.gateways.wallet.app import Wallet
from vendomat.simulator.gateways.wallet.texts import BUYERS, Language

__all__ = ["BUYERS", "Language", "Wallet"]
