"""Predict photos: `python predict.py classes_ckpt=CKPT images=DIR output=submission.csv …` (see --help)."""

from imatfashion.config.compose import run_app
from imatfashion.config.schema import PredictConfig


def main(config: PredictConfig) -> None:
    """Predict and say where the output is."""
    from imatfashion.predict.run import run_prediction

    print(f"prediction: {run_prediction(config)}")


if __name__ == "__main__":
    run_app(main, config_name="predict", schema=PredictConfig)
