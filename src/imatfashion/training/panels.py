"""The picture panel of each epoch: photo, truth and prediction of a few validation photos."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytorch_lightning as pl

from imatfashion.data.overlay import draw_overlay, panel
from imatfashion.training.loggers import log_picture
from imatfashion.training.seen import Picture, Seen


class PicturePanel:
    """Writes `panels/epoch_NNN.jpg` and shows it on the dashboards.

    Args:
        folder: where the pictures go.
        keep: pictures kept; the oldest are deleted, so that a long run writes few files.
    """

    def __init__(self, folder: Path, keep: int = 50) -> None:
        self.folder = folder
        self.keep = keep

    def show(self, seen: Seen, trainer: pl.Trainer) -> None:
        """Draw the panel."""
        picture = draw_panel(seen)
        self.folder.mkdir(exist_ok=True)
        save_jpeg(self.folder / f"epoch_{trainer.current_epoch:03d}.jpg", picture)
        for old in sorted(self.folder.glob("epoch_*.jpg"))[: -self.keep]:
            old.unlink()
        log_picture(trainer.loggers, "val/panel", picture, trainer.global_step)


def draw_panel(seen: Seen) -> Picture:
    """The panel of some photos, uint8 (H, W, 3)."""
    drawn = [seen.truth] if seen.predicted is None else [seen.truth, seen.predicted]
    rows = [
        (photo, *(draw_overlay(photo, labels[index], seen.class_names) for labels in drawn))
        for index, photo in enumerate(seen.photos)
    ]
    return panel(rows, seen.captions)


def save_jpeg(path: Path, picture: Picture) -> None:
    """Write a picture uint8 (H, W, 3), RGB, as JPEG."""
    written, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert written
    path.write_bytes(data.tobytes())
