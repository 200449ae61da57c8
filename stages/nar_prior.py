"""Stage nar_prior: the non-autoregressive prior."""

from lit_modules.nar_prior import LitNarPrior
from pipeline.job import Job, run_stage
from stages.training.prior_training import train_prior

STAGE = "nar_prior"


def build(job: Job) -> None:
    """Trains and publishes the non-autoregressive prior."""
    train_prior(job, LitNarPrior)


if __name__ == "__main__":
    run_stage(STAGE, build)
