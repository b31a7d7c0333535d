"""predict.py as a person calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def call(repository: Path, folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "predict.py"), *overrides]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_one_file_and_nothing_else(repository: Path, tmp_path: Path, classes_ckpt: Path, photos: Path) -> None:
    done = call(
        repository,
        tmp_path,
        f"classes_ckpt={classes_ckpt}",
        f"images={photos}",
        "output=out.csv",
        "device=cpu",
        "components=yes",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "prediction: out.csv\n"
    assert "d_broken.jpg: it is truncated" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_fault_is_one_sentence(repository: Path, tmp_path: Path, classes_ckpt: Path) -> None:
    failed = call(repository, tmp_path, f"classes_ckpt={classes_ckpt}", "images=nowhere")
    assert failed.returncode == 2
    assert failed.stderr == "error: there is no folder, list or photo nowhere; check images=\n"
    assert list(tmp_path.iterdir()) == []


def test_a_precision_is_refused_before_anything_heavy_is_loaded(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "cv2", "pandas"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(f'{__name__} was loaded')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    refused = call(repository, tmp_path, "classes_ckpt=x.ckpt", "images=x", "precision=nonsense")
    sentence = "error: precision=nonsense is not a choice; take one of 32-true, 16-mixed, bf16-mixed\n"
    assert (refused.returncode, refused.stderr) == (2, sentence)
    # The same road with a precision that there is comes to torch.
    loaded = call(repository, tmp_path, "classes_ckpt=x.ckpt", "images=x", "precision=bf16-mixed")
    assert loaded.stderr in {f"{name} was loaded\n" for name in ("torch", "cv2", "pandas")}
