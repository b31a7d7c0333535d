"""What is said where memory runs out while photos are predicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imatfashion.config.schema import PredictConfig
from imatfashion.errors import FashionError
from imatfashion.training.memory_faults import MEMORY_FAULTS, is_of_gpu, is_out_of_memory


@contextmanager
def memory_said(config: PredictConfig) -> Iterator[None]:
    """Within it, running out of memory is a sentence that names what can be made smaller.

    Raises:
        FashionError: memory ran out.
    """
    try:
        yield
    except MEMORY_FAULTS as error:
        if not is_out_of_memory(error):
            raise
        raise FashionError(_sentence(config, on_gpu=is_of_gpu(error))) from error


def _sentence(config: PredictConfig, *, on_gpu: bool) -> str:
    smaller = {
        "a smaller batch_size=, which goes on behind the photos that are done": config.batch_size > 1,
        "smaller tta_scales=": max(config.tta_scales) > 1,
        "size=grid": config.size == "photo",
    }
    advice = ", or ".join(words for words, helps in smaller.items() if helps)
    last = "free memory, or take device=cpu" if on_gpu else "free memory"
    return (
        f"{'the GPU' if on_gpu else 'this machine'} is out of memory with batch_size={config.batch_size}, "
        f"tta_scales={config.tta_scales}, size={config.size}: {f'give {advice}' if advice else last}"
    )
