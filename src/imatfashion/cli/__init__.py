"""The `imatfashion` command: what takes paths. What composes a config is train.py and predict.py."""

# Importing the subcommands adds them to the command, in the order of its help.
from imatfashion.cli import data as data
from imatfashion.cli import models as models
from imatfashion.cli.base import app

__all__ = ["app"]
