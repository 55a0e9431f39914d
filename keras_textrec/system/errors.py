"""Errors that are told without a traceback."""


class Failure(RuntimeError):
    """What is neither wrong input nor a fault of this package: the command line says its sentence, and status 1."""
