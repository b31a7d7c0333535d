"""predict.py as a person calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "cv2", "pandas")


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


def _without_heavy_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command end where it first imports a heavy package."""
    for name in HEAVY:
        (folder / f"{name}.py").write_text("raise SystemExit(f'{__name__} was loaded')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("precision=nonsense", "precision=nonsense is not a choice; take one of 32-true, 16-mixed, bf16-mixed"),
        ("tta=mirror", "tta=mirror is not a choice; take one of none, flip"),
        ("shard=4/4", "shard=4/4 must be i/n with i from 0 to n − 1, such as 0/4"),
        ("grid=0", "grid=0 must be at least 1"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_heavy_is_loaded(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, sentence: str
) -> None:
    _without_heavy_packages(tmp_path, monkeypatch)
    refused = call(repository, tmp_path, "classes_ckpt=x.ckpt", "images=x", override)
    assert (refused.returncode, refused.stderr) == (2, f"error: {sentence}\n")


def test_a_right_value_comes_to_what_is_heavy(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_heavy_packages(tmp_path, monkeypatch)
    loaded = call(repository, tmp_path, "classes_ckpt=x.ckpt", "images=x", "precision=bf16-mixed", "tta=flip")
    assert loaded.stderr in {f"{name} was loaded\n" for name in HEAVY}
