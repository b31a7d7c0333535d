"""Hostile bytes for everything that reads other people's files: `python -m fuzz --seconds 20 [target …]`.

Guided by coverage where atheris is installed (the extra `[fuzz]`), by hypothesis otherwise. Development only.
"""
