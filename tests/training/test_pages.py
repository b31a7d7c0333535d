"""Memory that is kept from step to step, by the kernel's own count of page faults."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable

import pytest

from imatfashion.config.schema import Config, GpuConfig
from imatfashion.training import pages, prepare

_FAULTS = """
import resource, sys
import torch
from imatfashion.training.pages import keep_pages

if sys.argv[1] == "keep":
    keep_pages()

def step():
    torch.ones(40 * 2**20, dtype=torch.uint8).sum()

for _ in range(10):  # until gaps are there that an aligned tensor fits into
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is another library's here")
def test_pages_of_a_freed_tensor_serve_the_next():
    freed, kept = _faults("free"), _faults("keep")

    assert kept < freed / 10


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages.ctypes, "CDLL", lambda name: object())

    pages.keep_pages()


def test_a_run_keeps_pages_on_a_processor(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch):
    calls = []
    monkeypatch.setattr(prepare, "keep_pages", lambda: calls.append(True))

    prepare.prepare(tiny(gpu=GpuConfig("cpu")))

    assert calls == [True]
