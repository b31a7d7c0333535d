"""Pairs of photos that show the same picture: re-encoded, resized, brightened, or taken a moment later.

A 64-bit perceptual hash proposes pairs, the thumbnails confirm them. Measured on 804 street photos: re-encoded, resized
or brightened copies correlate by 0.98 or more and differ in at most 6 bits; photos of one scene taken a moment apart
correlate by 0.89 to 0.99, in 4 to 6 bits; different scenes by 0.84 at most, in 16 bits. The same persons on plain
white come as near as 0.928 in 6 bits. Mirrored and cropped copies are not found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imatfashion.data.thumbnails import SIDE, Thumbnails

MOST_BITS = 7
"""Bits in which the hashes of near-duplicates may differ."""
LEAST_CORRELATION = 0.93
"""Least correlation of their thumbnails."""
LEAST_CONTRAST = 3.0
"""Standard deviation, grey levels, below which a photo is too plain to be compared with any other."""

IntArray = npt.NDArray[np.int64]
HashArray = npt.NDArray[np.uint64]
FloatArray = npt.NDArray[np.float32]

# By the pigeonhole principle two hashes that differ in at most 7 bits agree in one of 8 bytes.
_BANDS = 8
_POPCOUNT = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    axis=1, dtype=np.uint8
)
_CHUNK = 4096


def perceptual_hash(images: Thumbnails) -> HashArray:
    """64-bit hashes (N,): the signs of the 8 × 8 lowest cosine frequencies about their median."""
    frequency, place = np.arange(8)[:, None], 2 * np.arange(SIDE) + 1
    basis = np.cos(np.pi * frequency * place / (2 * SIDE)).astype(np.float32)
    spectrum = (basis @ images.astype(np.float32) @ basis.T).reshape(len(images), 64)
    # The first is the photo's mean: kept out of the median, so that brightness alone changes nothing.
    above = spectrum > np.median(spectrum[:, 1:], axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(np.uint64).reshape(-1)


def near_duplicates(images: Thumbnails) -> list[tuple[int, int]]:
    """Pairs of photos that link every set of near-duplicates.

    Args:
        images: grey thumbnails, uint8 (N, 32, 32); plain ones (unreadable photos are all 0) match nothing.

    Returns:
        Pairs (i, j) with i < j; of a set with equal hashes some pairs may be left out that follow from the others.
    """
    photos = np.flatnonzero(images.reshape(len(images), SIDE * SIDE).std(axis=1) >= LEAST_CONTRAST)
    hashes = perceptual_hash(images[photos])
    order = np.argsort(hashes, kind="stable")
    photos, hashes = photos[order], hashes[order]
    # Copies with one and the same hash hang on the one before; the first of such a chain stands for all of it, so that
    # ten thousand copies of a photo cost ten thousand comparisons and not fifty million.
    equal = np.flatnonzero(hashes[1:] == hashes[:-1])
    chained = equal[_alike(images, photos[equal], photos[equal + 1])] + 1
    links = [np.stack([photos[chained - 1], photos[chained]], axis=1)]
    leads = np.setdiff1d(np.arange(len(photos)), chained)
    photos, hashes = photos[leads], hashes[leads]
    for first, second in _candidates(hashes):
        a, b = photos[first], photos[second]
        alike = _alike(images, a, b)
        links.append(np.stack([a[alike], b[alike]], axis=1))
    pairs = np.unique(np.sort(np.concatenate(links), axis=1), axis=0)
    return [(int(i), int(j)) for i, j in pairs]


def _candidates(hashes: HashArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Index pairs whose hashes differ in at most `MOST_BITS`, each proposed at least once."""
    bands = hashes.view(np.uint8).reshape(-1, _BANDS)
    for band in range(_BANDS):
        order = np.argsort(bands[:, band], kind="stable")
        keys, sorted_hashes = bands[order, band], hashes[order]
        place = np.arange(len(keys))
        # Each round compares every hash with the one `shift` places on, while that is in the same bucket.
        for shift in range(1, len(keys)):
            place = place[place + shift < len(keys)]
            place = place[keys[place] == keys[place + shift]]
            if not len(place):
                break
            near = place[_distance(sorted_hashes[place], sorted_hashes[place + shift]) <= MOST_BITS]
            if len(near):
                yield order[near], order[near + shift]


def _distance(a: HashArray, b: HashArray) -> npt.NDArray[np.uint8]:
    """Bits in which hashes differ, uint8 (N,); numpy 1.26 has no bitwise_count."""
    bits: npt.NDArray[np.uint8] = _POPCOUNT[(a ^ b).view(np.uint16)].reshape(-1, 4).sum(axis=1, dtype=np.uint8)
    return bits


def _alike(images: Thumbnails, a: IntArray, b: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the thumbnails of photos a and b (N,) correlate enough."""
    correlation = np.empty(len(a), dtype=np.float32)
    for start in range(0, len(a), _CHUNK):
        part = slice(start, start + _CHUNK)
        correlation[part] = (_standardised(images[a[part]]) * _standardised(images[b[part]])).mean(axis=1)
    return correlation >= LEAST_CORRELATION


def _standardised(images: Thumbnails) -> FloatArray:
    values = images.reshape(len(images), SIDE * SIDE).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    return np.asarray(values / values.std(axis=1, keepdims=True), dtype=np.float32)
