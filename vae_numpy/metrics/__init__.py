"""What a cloud of points needs, and what a reconstruction kept of it."""

from .alignment import alignment_score, alignment_weights
from .intrinsic_dimension import intrinsic_dimension
from .pictures import intersection_over_union, psnr
from .reconstruction import explained_variance, pca_spectrum

__all__ = [
    "alignment_score",
    "alignment_weights",
    "explained_variance",
    "intersection_over_union",
    "intrinsic_dimension",
    "pca_spectrum",
    "psnr",
]
