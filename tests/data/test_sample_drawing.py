"""The drawn sample's pictures: masks are what is painted, and attributes can be seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.path import Path as Outline

from imatfashion.data.sample import extras, lowers, uppers
from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.canvas import Canvas, Piece
from imatfashion.data.sample.designs import CHOICES, Design, contrast, design
from imatfashion.data.sample.fabric import Fabric
from imatfashion.data.sample.figure import paint_figure
from imatfashion.data.sample.photo import draw_photo
from imatfashion.data.sample.pose import Pose, random_pose
from imatfashion.data.sample.scene import random_scene
from imatfashion.data.sample.shapes import along, box, ellipse, limb, points, smooth

RED = Fabric((250.0, 10.0, 10.0))


def blank(height: int = 120, width: int = 100) -> Canvas:
    return Canvas(np.full((height, width, 3), 128, np.uint8))


def standing(seed: int = 0) -> Pose:
    pose = random_pose(np.random.default_rng(seed), (150.0, 20.0), 45.0)
    legs = np.array([[(side * 0.3, 3.35), (side * 0.3, 4.6), (side * 0.3, 5.85)] for side in (-1, 1)])
    arms = np.array([[(side * 0.7, 1.58), (side * 0.95, 2.5), (side * 1.1, 3.4)] for side in (-1, 1)])
    return replace(pose, lean=0.0, build=1.0, arms=arms, legs=legs)


def made(class_id: int, *attributes: int) -> Design:
    """A design with the given attributes, others of its groups as they come first."""
    chosen = {next((a for a in attributes if a in group), next(iter(group))) for group in CHOICES[class_id]}
    return Design(class_id, frozenset(chosen | set(attributes)), Fabric((60.0, 90.0, 160.0), unit=45.0))


def painted(class_id: int, *attributes: int) -> tuple[Canvas, Piece]:
    canvas, pose, wanted = blank(340, 300), standing(), made(class_id, *attributes)
    if class_id == ids.SKIRT:
        return canvas, lowers.paint_skirt(canvas, pose, wanted)
    if class_id == ids.DRESS:
        return canvas, lowers.paint_dress(canvas, pose, wanted)
    if class_id in (ids.PANTS, ids.SHORTS):
        return canvas, lowers.paint_legwear(canvas, pose, wanted)
    if class_id in (ids.JACKET, ids.COAT):
        return canvas, uppers.paint_outer(canvas, pose, wanted, uppers.Front(0.2, 0.0, 0.0, 1.9))
    return canvas, uppers.paint_trunk(canvas, pose, wanted, uppers.hem_of(wanted))


def test_mask_is_the_polygon_by_pixel_centres() -> None:
    canvas = blank()
    polygon = smooth(points((20.3, 15.2), (80.9, 30.1), (60.4, 100.7), (30.2, 90.5)))
    piece = canvas.piece(ids.BAG)
    canvas.paint([polygon], RED, onto=[piece])
    y, x = np.mgrid[:120, :100]
    # cv2's pixel centres are at whole numbers.
    inside = Outline(np.concatenate([polygon, polygon[:1]])).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    square, exact = np.ones((3, 3), np.uint8), inside.reshape(120, 100).astype(np.uint8)
    assert exact.sum() > 2500
    assert (cv2.erode(exact, square) <= piece.mask).all()
    assert (piece.mask <= cv2.dilate(exact, square)).all()


def test_mask_is_what_is_painted() -> None:
    canvas = blank()
    before = canvas.image.copy()
    piece = canvas.piece(ids.BAG)
    canvas.paint([ellipse((50, 60), 30, 20), box((50, 60), 8, 40)], RED, onto=[piece])
    closer = (np.abs(canvas.image[..., 0].astype(int) - before[..., 0]) >= 25) & (canvas.image[..., 1] < 100)
    assert (closer ^ piece.mask).mean() < 0.01
    assert piece.mask[60, 50]  # polygons that overlap do not cancel
    far = np.abs(np.subtract(canvas.image, before, dtype=int)).sum(axis=2) > 0
    assert (far & ~piece.mask).sum() < 0.15 * piece.mask.sum()


def test_later_paint_hides_and_parts_do_not() -> None:
    canvas = blank()
    shirt, pocket, bag = canvas.piece(ids.SHIRT), canvas.piece(ids.POCKET), canvas.piece(ids.BAG)
    canvas.paint([box((50, 60), 30, 40)], RED, onto=[shirt])
    whole = shirt.mask.copy()
    canvas.paint([box((60, 50), 10, 10)], RED, onto=[pocket, shirt])
    np.testing.assert_array_equal(shirt.mask, whole)
    canvas.paint([box((40, 60), 12, 50)], RED, onto=[bag])
    np.testing.assert_array_equal(shirt.mask, whole & ~bag.mask)
    assert shirt.painted == whole.sum()
    assert pocket.mask.sum() < 441
    assert not (pocket.mask & bag.mask).any()


def test_painting_outside_the_photo_does_nothing() -> None:
    canvas = blank()
    piece = canvas.piece(ids.BAG)
    for centre in ((-50, 60), (200, 60), (50, -90), (50, 300)):
        canvas.paint([ellipse(centre, 20, 20)], RED, onto=[piece])
        canvas.decorate([ellipse(centre, 20, 20)], RED, piece)
    assert not piece.mask.any()
    assert (canvas.image == 128).all()


def test_painting_over_the_edge_is_cut_at_it() -> None:
    canvas = blank()
    piece = canvas.piece(ids.BAG)
    canvas.paint([box((0, 0), 10.5, 10.5)], RED, onto=[piece])
    assert piece.mask[:10, :10].all()
    assert piece.mask.sum() <= 144


def test_decoration_changes_pixels_of_its_garment_alone() -> None:
    canvas = blank()
    piece = canvas.piece(ids.SHIRT)
    canvas.paint([box((50, 60), 20, 20)], RED, onto=[piece])
    mask, image = piece.mask.copy(), canvas.image.copy()
    canvas.decorate([box((70, 60), 10, 5)], Fabric((0.0, 0.0, 250.0)), piece)
    changed = (canvas.image != image).any(axis=2)
    assert changed.any()
    assert not (changed & ~mask).any()
    np.testing.assert_array_equal(piece.mask, mask)


@pytest.mark.parametrize(("pattern", "share"), [("plain", 0.0), ("stripe", 0.4), ("check", 0.4), ("dot", 0.283)])
def test_a_pattern_has_its_share_of_the_second_colour(pattern: str, share: float) -> None:
    cloth = Fabric((0.0, 0.0, 0.0), (200.0, 200.0, 200.0), pattern, unit=100.0, period=0.2)
    surface = cloth.render((slice(0, 400), slice(0, 400)))
    assert surface.mean() / 200 == pytest.approx(share, abs=0.015)


def test_a_pattern_does_not_depend_on_the_box() -> None:
    cloth = Fabric((9.0, 9.0, 9.0), (200.0, 90.0, 20.0), "check", 40.0, 0.4, 0.1, 0.06, (13.0, 7.0))
    whole = cloth.render((slice(0, 90), slice(0, 80)))
    np.testing.assert_allclose(cloth.render((slice(20, 60), slice(30, 75))), whole[20:60, 30:75], atol=0.05)


def test_stripes_turn() -> None:
    level = Fabric((0.0, 0.0, 0.0), (200.0, 200.0, 200.0), "stripe", unit=50.0)
    upright = replace(level, angle=np.pi / 2)
    across, down = (cloth.render((slice(0, 100), slice(0, 100)))[..., 0] for cloth in (level, upright))
    assert np.ptp(across, axis=1).max() < 1 < np.ptp(across, axis=0).min()
    np.testing.assert_allclose(down, across.T, atol=0.1)


@pytest.mark.parametrize(
    "colour", [(250.0, 250.0, 240.0), (20.0, 20.0, 25.0), (128.0, 40.0, 60.0), (60.0, 180.0, 90.0)]
)
def test_a_second_colour_stands_out(colour: tuple[float, float, float]) -> None:
    for seed in range(20):
        second = contrast(np.random.default_rng(seed), colour)
        assert abs(float(np.dot(np.subtract(second, colour), (0.3, 0.59, 0.11)))) > 30


def bottom(piece: Piece) -> int:
    return int(np.flatnonzero(piece.mask.any(axis=1)).max())


def top(piece: Piece) -> int:
    return int(np.flatnonzero(piece.mask.any(axis=1)).min())


@pytest.mark.parametrize(
    ("class_id", "lengths"),
    [
        (ids.SHIRT, (ids.ABOVE_THE_HIP, ids.HIP)),
        (ids.JACKET, (ids.ABOVE_THE_HIP, ids.HIP)),
        (ids.COAT, (ids.ABOVE_THE_KNEE, ids.KNEE, ids.MIDI)),
        (ids.SKIRT, (ids.MINI, ids.KNEE, ids.MAXI)),
        (ids.DRESS, (ids.MINI, ids.KNEE, ids.MAXI)),
        (ids.SHORTS, (ids.MINI, ids.ABOVE_THE_KNEE)),
        (ids.PANTS, (ids.MIDI, ids.MAXI)),
    ],
)
def test_lengths_can_be_seen(class_id: int, lengths: tuple[int, ...]) -> None:
    bottoms = [bottom(painted(class_id, length)[1]) for length in lengths]
    assert all(later - former >= 20 for former, later in pairwise(bottoms))


@pytest.mark.parametrize("class_id", [ids.SHIRT, ids.TOP, ids.JACKET, ids.COAT, ids.PANTS, ids.SHORTS])
def test_fits_can_be_seen(class_id: int) -> None:
    widths = [painted(class_id, fit)[1].mask.sum() for fit in (ids.TIGHT, ids.REGULAR, ids.LOOSE)]
    assert widths[0] * 1.05 < widths[1]
    assert widths[1] * 1.05 < widths[2]


@pytest.mark.parametrize("class_id", [ids.SKIRT, ids.DRESS, ids.PANTS])
def test_flare_can_be_seen(class_id: int) -> None:
    flared, straight = painted(class_id, ids.FLARE)[1], painted(class_id, ids.STRAIGHT)[1]
    row = bottom(straight) - 5
    assert flared.mask[row].sum() > 1.3 * straight.mask[row].sum()


@pytest.mark.parametrize("class_id", [ids.SKIRT, ids.PANTS, ids.SHORTS])
def test_high_waists_can_be_seen(class_id: int) -> None:
    assert top(painted(class_id, ids.NORMAL_WAIST)[1]) - top(painted(class_id, ids.HIGH_WAIST)[1]) >= 20


def test_asymmetry_can_be_seen() -> None:
    def unlike(piece: Piece) -> float:
        mask = piece.mask[:, :300]
        return float((mask ^ np.roll(mask[:, ::-1], 1, axis=1)).sum() / mask.sum())

    assert unlike(painted(ids.SKIRT, ids.SYMMETRICAL)[1]) < 0.05 < unlike(painted(ids.SKIRT, ids.ASYMMETRICAL)[1])


def test_pleats_change_the_picture_and_not_the_mask() -> None:
    (plain, skirt), (pleated, other) = painted(ids.SKIRT), painted(ids.SKIRT, ids.PLEAT)
    np.testing.assert_array_equal(skirt.mask, other.mask)
    assert (plain.image != pleated.image).any(axis=2)[skirt.mask].mean() > 0.05


def test_openings_can_be_told_apart() -> None:
    pictures: list[npt.NDArray[np.uint8]] = []
    for opening in (ids.SINGLE_BREASTED, ids.DOUBLE_BREASTED, ids.ZIP_UP, ids.NO_OPENING):
        canvas, piece = painted(ids.COAT, opening)
        bare = canvas.image.copy()
        wanted = replace(made(ids.COAT), attributes=frozenset({opening}))
        front = uppers.Front(0.2, 0.0, 0.0, 1.9)
        uppers.paint_opening(np.random.default_rng(0), canvas, standing(), wanted, piece, front, (2.0, 4.0))
        pictures.append((canvas.image != bare).any(axis=2))
    single, double, zipped, none = (int(picture.sum()) for picture in pictures)
    assert none == 0
    assert double > 1.7 * single > 0
    assert zipped > single
    assert np.ptp(np.flatnonzero(pictures[1].any(axis=0))) > 2 * np.ptp(np.flatnonzero(pictures[0].any(axis=0)))


def test_long_sleeves_are_longer_and_belong_to_the_garment() -> None:
    areas = []
    for share in (0.34, 0.95):
        canvas, shirt = painted(ids.SHIRT)
        uppers.paint_sleeves(canvas, standing(), made(ids.SHIRT), shirt, share)
        sleeves = [piece for piece in canvas.pieces if piece.class_id == ids.SLEEVE]
        assert len(sleeves) == 2
        assert all((sleeve.mask <= shirt.mask).all() for sleeve in sleeves)
        areas.append(sum(int(sleeve.mask.sum()) for sleeve in sleeves))
    assert areas[1] > 1.8 * areas[0]


def test_a_belt_cuts_some_garments_and_lies_on_others() -> None:
    pieces_left = set()
    for seed in range(12):
        canvas, dress = painted(ids.DRESS, ids.STRAIGHT)
        extras.paint_belt(np.random.default_rng(seed), canvas, standing(), dress, (1.0, 2.7))
        pieces_left.add(cv2.connectedComponents(dress.mask.astype(np.uint8))[0] - 1)
        assert [piece.class_id for piece in canvas.pieces] == [ids.DRESS, ids.BELT]
    assert pieces_left == {1, 2}


def test_shoes_are_two_rows_or_one_of_two_parts() -> None:
    rows = set()
    for seed in range(12):
        canvas = blank(340, 300)
        extras.paint_shoes(np.random.default_rng(seed), canvas, standing())
        parts = [cv2.connectedComponents(piece.mask.astype(np.uint8))[0] - 1 for piece in canvas.pieces]
        assert parts in ([1, 1], [2])
        rows.add(len(parts))
    assert rows == {1, 2}


def test_a_design_takes_one_attribute_of_each_group() -> None:
    for class_id, groups in CHOICES.items():
        for seed in range(5):
            chosen = design(np.random.default_rng(seed), class_id, standing()).attributes - {ids.PLEAT}
            assert len(chosen) == len(groups)
            assert all(len(chosen & set(group)) == 1 for group in groups)
            assert chosen <= set(ids.ATTRIBUTES)


def test_a_left_out_attribute_is_not_taken() -> None:
    for seed in range(20):
        wanted = design(np.random.default_rng(seed), ids.SHIRT, standing(), frozenset({ids.HIP}))
        assert wanted.has(ids.ABOVE_THE_HIP)


def test_lean_moves_the_head_and_leaves_the_feet() -> None:
    upright = standing()
    leaning = replace(upright, lean=0.1)
    moved = leaning.at(points((0, 0), (0, 6))) - upright.at(points((0, 0), (0, 6)))
    np.testing.assert_allclose(moved, [(0.1 * 3.3 * 45, 0), (0, 0)])


def test_limbs_cover_their_line() -> None:
    line = points((20, 20), (50, 50), (50, 90))
    canvas = blank()
    piece = canvas.piece(ids.SLEEVE)
    canvas.paint(limb(line, (6, 5, 4)), RED, onto=[piece])
    assert all(piece.mask[y, x] for x, y in ((20, 20), (35, 35), (50, 50), (50, 70), (50, 88)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 1.0])
def test_along_keeps_the_share_of_the_length(share: float) -> None:
    line = points((0, 0), (3, 4), (3, 10))
    part = along(line, share)
    np.testing.assert_allclose(np.hypot(*np.diff(part, axis=0).T).sum(), 11 * share)
    np.testing.assert_array_equal(part[0], line[0])


@pytest.mark.parametrize("size", [(64, 64), (100, 300), (420, 240)])
def test_any_size_and_seed_can_be_drawn(size: tuple[int, int]) -> None:
    for seed in range(15):
        drawn = draw_photo(np.random.default_rng(seed), size)
        assert drawn.image.shape == (*size, 3)
        assert drawn.image.dtype == np.uint8
        assert drawn.pieces
        assert all(piece.mask.shape == size for piece in drawn.pieces)


def test_backgrounds_vary() -> None:
    means = [random_scene(np.random.default_rng(seed), 60, 50).mean() for seed in range(20)]
    assert np.std(means) > 10


def test_people_have_two_sleeves_or_none_and_something_on() -> None:
    for seed in range(20):
        canvas = blank(340, 300)
        paint_figure(np.random.default_rng(seed), canvas, (150.0, 20.0), 45.0)
        classes = [piece.class_id for piece in canvas.pieces]
        assert any(class_id < 13 for class_id in classes)
        assert classes.count(ids.SLEEVE) in (0, 2)
        if ids.DRESS in classes:
            assert not {ids.SKIRT, ids.PANTS, ids.SHORTS} & set(classes)


def test_of_a_mostly_hidden_garment_only_the_pattern_is_told() -> None:
    for seed in range(40):
        for piece in draw_photo(np.random.default_rng(seed)).pieces:
            if piece.class_id < 13 and piece.mask.sum() < 0.4 * piece.painted:
                assert set(piece.attributes) <= {ids.PLAIN, ids.CHECK, ids.DOT, ids.STRIPE}
                return
    pytest.fail("no garment was mostly hidden in forty photos")
