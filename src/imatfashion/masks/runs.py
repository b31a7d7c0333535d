"""Run-length masks: text to runs, runs to pixels, and back.

A run is (start, length) over the photo's pixels counted down the columns, then to the right (column-major). The files
count starts from 1; in memory they count from 0. Runs in memory are sorted, positive and disjoint.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

_MOST_DIGITS = 10


class RunError(ValueError):
    """A run list that describes no mask; the message is a reason, without the place."""


class Runs(NamedTuple):
    """A mask as runs: `starts` and `lengths`, int32 (N,), 0-based, column-major, sorted and disjoint."""

    starts: IntArray
    lengths: IntArray

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(self.lengths.sum(dtype=np.int64))


def parse_runs(text: str, height: int, width: int, *, sorted_only: bool = False) -> Runs:
    """Read `start length start length …` (1-based, column-major) as runs.

    Order does not matter to a mask, so disjoint runs out of order are sorted; a reader whose format demands the order
    (submissions) passes `sorted_only=True`.

    Args:
        text: the cell of the file; an empty one is an empty mask.
        height: rows of the photo, pixels.
        width: columns of the photo, pixels.
        sorted_only: refuse runs that are not in rising order.

    Returns:
        The runs, 0-based.

    Raises:
        RunError: odd count, not whole numbers, zero or negative, overlapping, past the photo's end, out of order.
    """
    numbers = _numbers(text)
    if len(numbers) % 2:
        raise RunError(f"the run list has {len(numbers)} numbers, an odd count")
    starts, lengths = numbers[::2], numbers[1::2]
    if not _in_order(starts, lengths, height * width):
        starts, lengths = _sorted(starts, lengths, height, width, sorted_only)
    return Runs((starts - 1).astype(np.int32), lengths.astype(np.int32))


def _in_order(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], size: int) -> bool:
    """Whether the runs are positive, rising, disjoint and end in the photo: nearly all are, and nothing is to do."""
    if not len(starts):
        return True
    ends = starts + lengths
    return bool(starts[0] >= 1 and lengths.min() >= 1 and ends[-1] <= size + 1 and (starts[1:] >= ends[:-1]).all())


def _sorted(
    starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], height: int, width: int, sorted_only: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    _refuse(starts < 1, starts, "the start {} is below 1 (starts count from 1)")
    _refuse(lengths < 1, lengths, "the length {} is below 1")
    size = height * width
    over = (starts > size) | (lengths > size - starts + 1)
    if over.any():
        first = int(np.argmax(over))
        raise RunError(
            f"the run {starts[first]} {lengths[first]} ends past the photo's {height} × {width} = {size} pixels"
        )
    unordered = bool((starts[1:] < starts[:-1]).any())
    if unordered and sorted_only:
        raise RunError("the runs are not in rising order")
    if unordered:
        order = np.argsort(starts, kind="stable")
        starts, lengths = starts[order], lengths[order]
    overlaps = starts[1:] < starts[:-1] + lengths[:-1]
    if overlaps.any():
        first = int(np.argmax(overlaps))
        raise RunError(f"the runs at {starts[first]} and {starts[first + 1]} overlap")
    return starts, lengths


def _numbers(text: str) -> npt.NDArray[np.int64]:
    # Nearly every cell is digits and spaces: then it is read in one go, ten times as fast as word by word.
    if text.isascii() and text.strip() and not text.encode().translate(None, b"0123456789 "):
        values = np.fromstring(text, dtype=np.int64, sep=" ")
        # A number beyond 64 bits comes out as the largest.
        if values.max() < 10**_MOST_DIGITS:
            return values
    return _numbers_of(text.split(), text)


def _numbers_of(words: list[str], text: str) -> npt.NDArray[np.int64]:
    # isdecimal also accepts digits of other scripts, which int() reads; ASCII alone is meant by the format.
    if words and not (text.isascii() and "".join(words).isdigit()):
        wrong = next((word for word in words if not (word.isascii() and word.isdigit())), None)
        if wrong is None:
            raise RunError("the numbers are parted by characters that are no plain spaces")
        if wrong[:1] == "-" and wrong[1:].isdigit():
            raise RunError(f"the number {wrong[:20]} is negative")
        raise RunError(f"'{wrong[:20]}' is not a whole number")
    if words and max(map(len, words)) > _MOST_DIGITS:
        raise RunError(f"the number {max(words, key=len)[:20]} is too large")
    return np.array(words, dtype=np.int64)


def _refuse(wrong: BoolArray, values: npt.NDArray[np.int64], reason: str) -> None:
    if wrong.any():
        raise RunError(reason.format(values[np.argmax(wrong)]))


def format_runs(runs: Runs) -> str:
    """Write runs as the files do: `start length …`, starts from 1; an empty mask is an empty string."""
    pairs = np.stack([runs.starts + np.int64(1), runs.lengths.astype(np.int64)], axis=1)
    return " ".join(map(str, pairs.ravel().tolist()))


def encode_mask(mask_HW: BoolArray) -> Runs:
    """Runs of a boolean mask (H, W)."""
    return _encode_flat(np.ravel(mask_HW, order="F"))


def _encode_flat(flat: BoolArray) -> Runs:
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(
        [[0] if flat.size and flat[0] else [], edges, [flat.size] if flat.size and flat[-1] else []]
    ).astype(np.int32)
    return Runs(bounds[::2], bounds[1::2] - bounds[::2])


def decode_runs(runs: Runs, height: int, width: int) -> BoolArray:
    """The mask (H, W) that runs describe."""
    steps = np.zeros(height * width + 1, dtype=np.int8)
    steps[runs.starts] += 1
    # Touching runs end where the next starts, so ends are subtracted, not assigned.
    steps[runs.starts + runs.lengths] -= 1
    flat = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return flat.reshape((height, width), order="F")


def from_arrays(starts: npt.ArrayLike, lengths: npt.ArrayLike) -> Runs:
    """Runs of two integer sequences that are known to be valid."""
    return Runs(np.asarray(starts, dtype=np.int32), np.asarray(lengths, dtype=np.int32))
