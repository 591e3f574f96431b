"""The one error that means "the user can mend this": shown as one line, exit code 2, no traceback."""


def one_line(message: str) -> str:
    """The message in one line of letters: what a file says of itself must not speak to the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(message.split()))


class InputError(ValueError):
    """Wrong input. The message says in one line what is wrong and what to do about it."""


class DiskError(InputError):
    """A file that cannot be written: the disk is full, say. When that is mended, the same again does it."""
