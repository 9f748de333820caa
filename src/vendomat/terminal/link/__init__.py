"""The link to the cloud: identity, enrolment, requests in both directions. Stores nothing that matters."""

from vendomat.terminal.link.contract import Down, NotAnsweredError, Wire

__all__ = ["Down", "NotAnsweredError", "Wire"]
