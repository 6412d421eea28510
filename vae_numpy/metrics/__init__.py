"""What a cloud of points needs, what a reconstruction kept of it, and what a code is about."""

from .beta_vae import beta_vae_score
from .dci import DCI, dci
from .factor_vae import factor_vae_score
from .intrinsic_dimension import intrinsic_dimension
from .mig import mig
from .modularity import modularity
from .mutual_information import mutual_information
from .pictures import intersection_over_union, psnr
from .reconstruction import explained_variance, pca_spectrum
from .sampling import Table, sample_codes, tabulate
from .sap import sap
from .scores import all_scores

__all__ = [
    "DCI",
    "Table",
    "all_scores",
    "beta_vae_score",
    "dci",
    "explained_variance",
    "factor_vae_score",
    "intersection_over_union",
    "intrinsic_dimension",
    "mig",
    "modularity",
    "mutual_information",
    "pca_spectrum",
    "psnr",
    "sample_codes",
    "sap",
    "tabulate",
]
