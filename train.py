"""Train one stage: `python train.py data.root=DIR stage=classes|attributes resolution=N …` (see --help)."""

from pathlib import Path

from imatfashion.config.compose import run_app
from imatfashion.config.schema import Config


def main(config: Config) -> float | None:
    """Train, write the report, and return the monitored metric for a sweep; or try the run without training it."""
    if config.check or config.trainer.lr_find:
        print(_tried(config))
        return None
    from imatfashion.training.fit import fit

    result = fit(config)
    if result.is_main:
        from imatfashion.report.page import write_report

        page = write_report(result.run_dir)
        print(f"run: {result.run_dir}\ncheckpoint: {result.best_checkpoint}\nreport: {page}")
        print("validation: " + " · ".join(f"{name} {value:.4f}" for name, value in result.figures.items()))
    return result.score


def _tried(config: Config) -> str:
    """What a dry run, or the search for a rate, found."""
    from imatfashion.training.check_run import check_run
    from imatfashion.training.lr_find import find_rate

    return check_run(config) if config.check else find_rate(config)


def compare(sweep_dir: Path) -> Path:
    """Write the page that compares the jobs of a sweep, and give its path."""
    from imatfashion.report.sweep_page import write_sweep_report

    return write_sweep_report(sweep_dir)


if __name__ == "__main__":
    run_app(main, config_name="config", schema=Config, after_sweep=compare)
