"""Nothing reaches for the network: every module imported, a training and a prediction, with sockets refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFUSE = '''
"""Sockets that lead out of this machine are refused, and written down before anything can catch the error."""
import os, socket

def refuse(name):
    kept = getattr(socket, name, None) or getattr(socket.socket, name)
    def refused(*arguments, **options):
        if name == "connect" and arguments[0].family == socket.AF_UNIX:
            return kept(*arguments, **options)
        with open(os.environ["REACHED"], "a") as file:
            file.write(f"{name} {arguments[-1]!r}\\n")
        raise OSError("no network here")
    return refused

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse(name))
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse(name))
'''
WORK = """
import contextlib, importlib, io, pkgutil, runpy, sys
import imatfashion

for module in pkgutil.walk_packages(imatfashion.__path__, "imatfashion."):
    importlib.import_module(module.name)

def run(*argv):
    sys.argv = list(argv)
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, ended.code

root, data = sys.argv[1:]
run(f"{root}/train.py", f"data.root={data}", "stage=classes", "resolution=32", "model=tiny", "model.weights=none",
    "gpu=cpu", "max_steps=2", "batch_size=2", "data.workers=0", "run_dir=run", "progress=false")
run(f"{root}/predict.py", "classes_ckpt=run/checkpoints/best.ckpt", f"images={data}/test",
    "output=out.csv", "device=cpu", "progress=false")
"""


def environment(folder: Path) -> dict[str, str]:
    """One without what would keep libraries offline of themselves, and with the refusal."""
    (folder / "refuse").mkdir()
    (folder / "refuse" / "sitecustomize.py").write_text(REFUSE)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "WANDB_", "TRANSFORMERS_"))
    }
    paths = [str(folder / "refuse"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "REACHED": str(folder / "reached"), "OMP_NUM_THREADS": "1"}


def without_network() -> list[str]:
    """The beginning of a command that has no network interface at all, where this user may make such a place."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        return command
    return []


def test_the_refusal_refuses(tmp_path: Path) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert "OSError: no network here" in done.stderr
    assert (tmp_path / "reached").read_text().startswith("create_connection")


def test_import_train_and_predict_without_network(tmp_path: Path, drawn: Path) -> None:
    command = [*without_network(), sys.executable, "-c", WORK, str(ROOT), str(drawn)]
    variables = environment(tmp_path)
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out.csv").read_text().startswith("ImageId,")
    assert not (tmp_path / "reached").exists(), (tmp_path / "reached").read_text()
