"""What is judged of the best checkpoint when a run ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from imatfashion.config.schema import Config
from imatfashion.training.fit import fit


def test_a_photo_without_garments_is_no_worst_example(tiny: Callable[..., Config], drawn: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(drawn, root)
    table = root / "train.csv"
    photos = sorted(path.name for path in (root / "train").iterdir())
    bare = photos[5]  # one of every fifth photo, which are those to validate on
    rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith(bare)]
    assert len(kept) < len(rows)
    table.write_text("".join(kept), encoding="utf-8")

    run_dir = fit(tiny(data={"root": str(root)}, max_steps=1)).run_dir
    shown = {row["photo"] for row in json.loads((run_dir / "evaluation.json").read_text())["examples"]}
    assert shown == set(photos[::5]) - {bare}
