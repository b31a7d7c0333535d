"""Faults injected into real commands: what is left, and that giving the command again loses nothing."""
