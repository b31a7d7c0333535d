"""What is answered with a sentence instead of a result."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not served.

    Args:
        status: the HTTP status, 4xx or 5xx.
        sentence: what is wrong and what to do, as the page shows it.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence
