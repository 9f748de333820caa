"""What a verb cannot know, as an exception of this folder: it never leaves a provider, whose verbs answer UNKNOWN."""

from __future__ import annotations


class NotKnownError(Exception):
    """No answer that can be trusted: time-out, broken connection, bad signature, stale or malformed answer.

    `reason` goes into the `error` of the UNKNOWN that the verb answers. `is_probe`: the platform tested our check.
    `is_about_keys`: there was an answer, and it is our keys, or the one we hold of theirs, that do not fit.
    """

    def __init__(self, reason: str, *, is_probe: bool = False, is_about_keys: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_probe = is_probe
        self.is_about_keys = is_about_keys
