"""`python -m imatfashion.cli`."""

from imatfashion.cli import app

if __name__ == "__main__":
    app()
