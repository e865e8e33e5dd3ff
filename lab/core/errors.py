"""The one error that people are meant to read."""

from __future__ import annotations


class LabError(Exception):
    """A failure with a cause that the user can act on.

    The command line prints `message` and `remedy` and exits with 1. Any other error is a defect of the lab itself, or
    of the machine: it is told as briefly, and its trace is kept in a file.

    Attributes:
        message: what is wrong, naming the setting, file or tool and the value found.
        remedy: what to do about it, ideally one command; empty when the message says it all.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy
