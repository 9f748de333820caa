"""The control port's page: everything the control API can do, for people. It decides nothing and keeps nothing."""

from vendomat.simulator.gateways.desk.app import DeskPages, is_from_another_site

__all__ = ["DeskPages", "is_from_another_site"]
