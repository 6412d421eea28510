"""The book's models, as estimators in scikit-learn's manner."""

from vae_numpy.models.autoencoder import Autoencoder
from vae_numpy.models.linear import LinearAutoencoder

__all__ = ["Autoencoder", "LinearAutoencoder"]
