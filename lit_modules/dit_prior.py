"""Training of the DiT prior: the noise in latents, and the variance of a step (Peebles & Xie 2023)."""

from torch import Tensor

from lit_modules.latent_prior import PREVIEW_STEPS, Batch, LitLatentPrior, random_times
from smalti.config.latent_sampling import DitSamplingConfig
from smalti.losses.diffusion import hybrid_loss
from smalti.priors.latent import LatentPrior
from smalti.priors.noise_schedule import linear_schedule
from smalti.samplers.diffusion import dit_sampler

SCHEDULE = linear_schedule()


class LitDitPrior(LitLatentPrior):
    """Predicts the noise that was added to latents, and learns the variances (Nichol & Dhariwal 2021, eq. 16)."""

    def losses(self, network: LatentPrior, latents: Tensor, labels: Tensor, batch: Batch) -> dict[str, Tensor]:
        noise, times = batch["latent_noise"], random_times(batch["noise"][:, 1], len(SCHEDULE))
        noisy = SCHEDULE.add_noise(latents, noise, times)
        loss = hybrid_loss(network(noisy, times.float(), labels), noise, times, SCHEDULE)
        return {"noise": loss.simple, "bound": loss.bound}

    def sample(self, labels: Tensor) -> Tensor:
        settings = DitSamplingConfig(steps=PREVIEW_STEPS)
        return dit_sampler(self.averaged_network, settings, 0)(labels, range(len(labels)))
