"""The book's models, as estimators in scikit-learn's manner."""

from vae_numpy.models.autoencoder import Autoencoder
from vae_numpy.models.linear import LinearAutoencoder
from vae_numpy.models.vae import VAE

__all__ = ["VAE", "Autoencoder", "LinearAutoencoder"]
