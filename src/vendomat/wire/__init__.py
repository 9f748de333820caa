"""What both ends of the wire have to know of its client library. Knows nothing of messages."""

from vendomat.wire.connection import let_go, taken_up

__all__ = ["let_go", "taken_up"]
