"""A script like train.py whose jobs take no time: what a sweep does with jobs that end in every way."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from imatfashion.config.compose import run_app
from imatfashion.config.pruning import Pruned, current_judge
from imatfashion.config.resume import save_config
from imatfashion.errors import FashionError, Interrupted


@dataclass
class Settings:
    """A job.

    `end` is how it ends: fine, bad, refused, nan, or kill and stop, which end well when they are gone on with; `learns`
    has four epochs and asks after each whether it is hopeless, `dies` is killed after its second, `mended` is refused
    until there is a file `mended`.
    """

    x: float = 0.0
    end: str = "fine"
    run_dir: str | None = None
    resume: str | None = None
    progress: bool = True


def learn(config: Settings, run: Path) -> None:
    """Figures that rise to their end."""
    save_config(config, run / "config.yaml")
    judge = current_judge()
    for epoch in range(1, 5):
        if config.end == "dies" and epoch == 3 and not config.resume:
            os.kill(os.getpid(), signal.SIGKILL)
        if judge and (reason := judge(epoch, (1 - (config.x - 2) ** 2) * epoch / 4)):
            raise Pruned(f"stopped early: {reason}")


def main(config: Settings) -> float:
    """A parabola with its top, 1, at 2."""
    run = Path(config.run_dir or "")
    with (run / "calls.txt").open("a", encoding="utf-8") as file:
        file.write(f"{config.x:g} {config.end} {'resumed' if config.resume else 'new'}\n")
    (run / "group.txt").write_text(os.environ.get("WANDB_RUN_GROUP", ""), encoding="utf-8")
    if config.end == "bad":
        raise ValueError("of no <use>")
    if config.end == "refused" or (config.end == "mended" and not Path("mended").exists()):
        raise FashionError("x is out of fashion")
    if config.end in ("kill", "stop") and not config.resume:
        save_config(config, run / "config.yaml")
        if config.end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise Interrupted("stopped by Ctrl-C at step 7: saved", signal.SIGINT)
    if config.end in ("learns", "dies"):
        learn(config, run)
    return math.nan if config.end == "nan" else 1 - (config.x - 2) ** 2


if __name__ == "__main__":
    run_app(main, config_name="config", schema=Settings)
