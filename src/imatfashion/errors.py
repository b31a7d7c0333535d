"""The one kind of error that is shown to a person as a sentence instead of a traceback."""


class FashionError(Exception):
    """A mistake the user can mend: the message says what is wrong, where (file, row, key) and what to do.

    It is printed behind `error: `, so it begins in lower case (but for names and paths) and has no full stop.
    """
