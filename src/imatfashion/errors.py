"""What is shown to a person as a sentence instead of a traceback."""


class FashionError(Exception):
    """A mistake the user can mend: the message says what is wrong, where (file, row, key) and what to do.

    It is printed behind `error: `, so it begins in lower case (but for names and paths) and has no full stop.
    """


class Interrupted(SystemExit):
    """A signal ended the work; the message says what is kept and how to go on.

    A `SystemExit`: it ends a sweep, passes by everything that handles failures, and a script that does not catch it
    exits with the code that the signal calls for.

    Args:
        sentence: the message.
        number: the signal's.
    """

    def __init__(self, sentence: str, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(self.exit_code)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence
