"""`python -m imatfashion.cli`."""

from imatfashion.cli import app

app()
