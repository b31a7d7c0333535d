"""`classes_ckpt=A` or `classes_ckpt=[A,B]`: one path or several, a union that OmegaConf has no type for."""

from __future__ import annotations

from imatfashion.errors import FashionError


def checkpoint_paths(key: str, value: object) -> tuple[str, ...]:
    """The paths that a config's value means.

    Args:
        key: the key, for messages.
        value: a path or a list of paths; None for none.

    Raises:
        FashionError: the value is neither, or names a path twice.
    """
    if value is None or value == "":
        return ()
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    # A folder's name may be a number, which the command line reads as one.
    paths = tuple(str(item) for item in items if isinstance(item, (str, int)) and not isinstance(item, bool) and item)
    if not paths or len(paths) < len(items):
        raise FashionError(f"{key}={value} is neither a checkpoint nor a list of them; give {key}=A or {key}=[A,B]")
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise FashionError(f"{key} names {twice} twice; an average wants different checkpoints")
    return paths
