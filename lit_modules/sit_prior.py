"""Training of the SiT prior: the velocity along straight lines from noise to latents (Ma et al. 2024)."""

from torch import Tensor

from lit_modules.latent_prior import PREVIEW_STEPS, Batch, LitLatentPrior
from smalti.config.latent_sampling import SitSamplingConfig
from smalti.losses.flow import interpolate, velocity_loss
from smalti.priors.latent import LatentPrior
from smalti.samplers.flow import sit_sampler


class LitSitPrior(LitLatentPrior):
    """Predicts the velocity of latents, data minus noise, at any time between the two."""

    def losses(self, network: LatentPrior, latents: Tensor, labels: Tensor, batch: Batch) -> dict[str, Tensor]:
        noise, times = batch["latent_noise"], batch["noise"][:, 1]
        prediction = network(interpolate(latents, noise, times), times, labels)
        return {"velocity": velocity_loss(prediction, latents, noise)}

    def sample(self, labels: Tensor) -> Tensor:
        settings = SitSamplingConfig(method="euler", steps=PREVIEW_STEPS)
        return sit_sampler(self.averaged_network, settings, 0)(labels, range(len(labels)))
