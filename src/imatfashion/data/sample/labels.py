"""The competition's labels that are drawn: ids, names and groups as its 2019 label file has them."""

from __future__ import annotations

SHIRT, TOP, JACKET, PANTS, SHORTS, SKIRT, COAT, DRESS = 0, 1, 4, 6, 7, 8, 9, 10
GLASSES, HAT, BELT, SHOE, BAG, SCARF, COLLAR, SLEEVE, POCKET = 13, 14, 19, 23, 24, 25, 28, 31, 32

CATEGORIES: dict[int, tuple[str, str]] = {
    SHIRT: ("shirt, blouse", "upperbody"),
    TOP: ("top, t-shirt, sweatshirt", "upperbody"),
    JACKET: ("jacket", "upperbody"),
    PANTS: ("pants", "lowerbody"),
    SHORTS: ("shorts", "lowerbody"),
    SKIRT: ("skirt", "lowerbody"),
    COAT: ("coat", "wholebody"),
    DRESS: ("dress", "wholebody"),
    GLASSES: ("glasses", "head"),
    HAT: ("hat", "head"),
    BELT: ("belt", "waist"),
    SHOE: ("shoe", "legs and feet"),
    BAG: ("bag, wallet", "others"),
    SCARF: ("scarf", "others"),
    COLLAR: ("collar", "garment parts"),
    SLEEVE: ("sleeve", "garment parts"),
    POCKET: ("pocket", "garment parts"),
}
"""Category id: name and supercategory; all are of level 2."""

ABOVE_THE_HIP, HIP, MINI, ABOVE_THE_KNEE, KNEE, MIDI, MAXI = 0, 1, 3, 4, 5, 7, 8
SINGLE_BREASTED, DOUBLE_BREASTED, ZIP_UP, NO_OPENING = 10, 11, 14, 18
ASYMMETRICAL, SYMMETRICAL, FLARE, STRAIGHT, TIGHT, REGULAR, LOOSE = 19, 20, 23, 33, 40, 41, 42
PLEAT, PLAIN, CHECK, DOT, STRIPE, HIGH_WAIST, NORMAL_WAIST = 52, 61, 66, 67, 72, 87, 88

PATTERNS = (PLAIN, CHECK, DOT, STRIPE)

_FINISHING = "textile finishing, manufacturing techniques"

ATTRIBUTES: dict[int, tuple[str, str]] = {
    ABOVE_THE_HIP: ("above-the-hip (length)", "length"),
    HIP: ("hip (length)", "length"),
    MINI: ("mini (length)", "length"),
    ABOVE_THE_KNEE: ("above-the-knee (length)", "length"),
    KNEE: ("knee (length)", "length"),
    MIDI: ("midi", "length"),
    MAXI: ("maxi (length)", "length"),
    SINGLE_BREASTED: ("single breasted", "opening type"),
    DOUBLE_BREASTED: ("double breasted", "opening type"),
    ZIP_UP: ("zip-up", "opening type"),
    NO_OPENING: ("no opening", "opening type"),
    ASYMMETRICAL: ("asymmetrical", "silhouette"),
    SYMMETRICAL: ("symmetrical", "silhouette"),
    FLARE: ("flare", "silhouette"),
    STRAIGHT: ("straight", "silhouette"),
    TIGHT: ("tight (fit)", "silhouette"),
    REGULAR: ("regular (fit)", "silhouette"),
    LOOSE: ("loose (fit)", "silhouette"),
    PLEAT: ("pleat", _FINISHING),
    PLAIN: ("plain (pattern)", "textile pattern"),
    CHECK: ("check", "textile pattern"),
    DOT: ("dot", "textile pattern"),
    STRIPE: ("stripe", "textile pattern"),
    HIGH_WAIST: ("high waist", "waistline"),
    NORMAL_WAIST: ("normal waist", "waistline"),
}
"""Attribute id: name and supercategory; all are of level 1."""
