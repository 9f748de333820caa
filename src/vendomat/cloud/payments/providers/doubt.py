"""What a verb cannot know, as an exception of this folder: it never leaves a provider, whose verbs answer UNKNOWN."""

from __future__ import annotations


class NotKnownError(Exception):
    """No answer that can be trusted: time-out, broken connection, bad signature, stale or malformed answer.

    `reason` goes into the `error` of the UNKNOWN that the verb answers. `is_probe`: the platform tested our check.
    """

    def __init__(self, reason: str, *, is_probe: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_probe = is_probe
