"""Stage sit_prior: the flow prior of a diffusion transformer."""

from lit_modules.sit_prior import LitSitPrior
from pipeline.job import Job, run_stage
from stages.training.prior_training import train_prior

STAGE = "sit_prior"


def build(job: Job) -> None:
    """Trains and publishes the flow prior of a diffusion transformer."""
    train_prior(job, LitSitPrior)


if __name__ == "__main__":
    run_stage(STAGE, build)
