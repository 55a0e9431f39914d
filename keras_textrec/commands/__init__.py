"""The command line: `keras-textrec COMMAND --help` tells each command's options. One file for each command.

A command's file has HELP, a line; `add_arguments`, which is all that `--help` needs; and `run`, which imports the rest.
"""

import argparse
import logging
import os
import sys

from keras_textrec.commands import (
    benchmark,
    calibrate,
    card,
    convert,
    create_lmdb,
    evaluate,
    export,
    inspect_data,
    presets,
    publish,
    read,
    synthesize,
    train,
)
from keras_textrec.system.backend import missing_backend
from keras_textrec.system.errors import Failure
from keras_textrec.system.interrupts import answered_interrupts, interrupted
from keras_textrec.system.terminal import lose_nothing
from keras_textrec.version import __version__

COMMANDS = {
    "read": read,
    "train": train,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "export": export,
    "benchmark": benchmark,
    "synthesize": synthesize,
    "create-lmdb": create_lmdb,
    "inspect-data": inspect_data,
    "presets": presets,
    "convert": convert,
    "publish": publish,
    "card": card,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status: 0 all well, 1 something could not be done, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    lose_nothing()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    logging.basicConfig(format="%(message)s")  # of others, warnings: JAX tells of every device that it does not find
    logging.getLogger("keras_textrec").setLevel(logging.INFO)
    try:
        with answered_interrupts(options.command):
            return COMMANDS[options.command].run(options)
    except BrokenPipeError:  # who read our output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes at its end
        return 1
    except (OSError, ValueError, ImportError, Failure) as error:
        reason = (isinstance(error, ModuleNotFoundError) and missing_backend()) or error
        print(f"keras-textrec {options.command}: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(interrupted(options.command), file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keras-textrec", description="Text recognition for Keras 3.")
    parser.add_argument("--version", action="version", version=f"keras-textrec {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.HELP))
    return parser
