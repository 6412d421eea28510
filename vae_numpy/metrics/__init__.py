"""What a cloud of points needs, and what a reconstruction kept of it."""

from .intrinsic_dimension import intrinsic_dimension
from .reconstruction import explained_variance, pca_spectrum

__all__ = ["explained_variance", "intrinsic_dimension", "pca_spectrum"]
