"""Stage ar_prior: the autoregressive prior."""

from lit_modules.ar_prior import LitArPrior
from pipeline.job import Job, run_stage
from stages.training.prior_training import train_prior

STAGE = "ar_prior"


def build(job: Job) -> None:
    """Trains and publishes the autoregressive prior."""
    train_prior(job, LitArPrior)


if __name__ == "__main__":
    run_stage(STAGE, build)
