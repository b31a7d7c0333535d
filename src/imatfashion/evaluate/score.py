"""The competition's score of a submission against the truth, from tables or from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imatfashion.data.annotations import Annotations
from imatfashion.data.labels import Labels
from imatfashion.data.plain_text import brief
from imatfashion.errors import FashionError
from imatfashion.evaluate.files import submission_table, truth_table
from imatfashion.evaluate.on_grid import nothing, photo_garments
from imatfashion.evaluate.pixels import pixel_summary
from imatfashion.evaluate.score_report import ScoreReport, Tally
from imatfashion.metrics.competition import photo_hits


def score_files(truth: Path, submission: Path, *, labels: Path | None = None) -> ScoreReport:
    """Score a submission.

    Rows count as they stand in the files: a filler row is a garment of class 23, and a garment of the truth whose
    attributes are unknown has none. A photo of the truth's photo folder without a row in the truth has no garment.

    Args:
        truth: annotation file of a competition (2019 or 2020 CSV) or of COCO.
        submission: CSV with ImageId, EncodedPixels, ClassId on the 512 × 512 grid, or a predicted DIR.table.
        labels: label file; by default the one beside the truth or in the folder above.

    Raises:
        FashionError: a file that cannot be read or lacks a column, a row of the submission that is faulty, or a photo
            that the truth does not have.
    """
    with truth_table(truth, labels) as right, submission_table(submission, right.labels_path) as submitted:
        return score_tables(right.table, submitted, bare_photos=right.bare_photos, left_out=right.left_out)


def score_tables(
    truth: Annotations, submission: Annotations, *, bare_photos: Sequence[str] = (), left_out: Sequence[str] = ()
) -> ScoreReport:
    """Score one table against another; photos are joined by name, classes and attributes by id.

    Args:
        truth: the truth; attributes that are unknown count as an empty set.
        submission: the submission, on any grid.
        bare_photos: names of photos that belong to the truth and have no garment there.
        left_out: names of photos of which the truth knows nothing, since its records were refused: what is submitted
            for them is neither right nor wrong.

    Returns:
        The score. Photos that the submission does not have count as having no rows, and are listed.

    Raises:
        FashionError: the submission has a photo that the truth does not have, or other attributes.
    """
    if truth.attributes.ids != submission.attributes.ids:
        raise FashionError(
            f"the attributes of {submission.path} are not those of {truth.path}: score it with its own label file"
        )
    photos = [*map(truth.name, range(len(truth))), *bare_photos]
    place = _join(photos, submission, left_out)
    tally = Tally()
    for index in range(len(photos)):
        left = photo_garments(truth, index) if index < len(truth) else nothing(truth)
        right = photo_garments(submission, place[index]) if index in place else nothing(submission)
        tally.add(photo_hits(left, right))
    missing = [name for index, name in enumerate(photos) if index not in place]
    pixels = pixel_summary(truth, submission, place, bare=len(bare_photos))
    names = class_names(submission.classes, truth.classes)
    return tally.report(names, missing=missing, refused=truth.refused, left_out=len(left_out), pixels=pixels)


def class_names(*labels: Labels) -> dict[int, str]:
    """Class names by id; where several label sets have an id, the last one's."""
    return {class_id: name for group in labels for class_id, name in zip(group.ids, group.names, strict=True)}


def _join(photos: Sequence[str], submission: Annotations, left_out: Sequence[str]) -> dict[int, int]:
    """The submission's photo for each photo of the truth that it has."""
    by_name = {name: index for index, name in enumerate([*photos, *left_out])}
    # ImageId is with ending in 2019 and without in 2020; an exact name goes first.
    by_stem = {str(Path(name).with_suffix("")): index for name, index in by_name.items()}
    place: dict[int, int] = {}
    for photo in range(len(submission)):
        name = submission.name(photo)
        index = by_name.get(name, by_stem.get(name.removesuffix(".jpg")))
        if index is None:
            raise FashionError(
                f"the submission has the photo {brief(name)}, which the truth does not have: remove its rows, "
                "or score against the truth it was made for"
            )
        if index >= len(photos):
            continue
        if index in place:
            raise FashionError(
                f"the submission has the photo {brief(photos[index])} under two names: give it one ImageId"
            )
        place[index] = photo
    return place
