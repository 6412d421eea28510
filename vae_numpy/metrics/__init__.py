"""What a cloud of points needs, what a reconstruction kept of it, and what a code is about."""

from vae_numpy.metrics.alignment import alignment_score, alignment_weights
from vae_numpy.metrics.beta_vae import beta_vae_score
from vae_numpy.metrics.dci import DCI, dci
from vae_numpy.metrics.factor_vae import factor_vae_score
from vae_numpy.metrics.intrinsic_dimension import intrinsic_dimension
from vae_numpy.metrics.meaning import MeaninglessScoreWarning
from vae_numpy.metrics.mig import mig
from vae_numpy.metrics.modularity import modularity
from vae_numpy.metrics.mutual_information import mutual_information
from vae_numpy.metrics.pictures import intersection_over_union, psnr
from vae_numpy.metrics.sampling import KnownFactors, Table, sample_codes, tabulate
from vae_numpy.metrics.sap import sap
from vae_numpy.metrics.scores import all_scores
from vae_numpy.metrics.udr import udr
from vae_numpy.metrics.variance import explained_variance, pca_spectrum

__all__ = [
    "DCI",
    "KnownFactors",
    "MeaninglessScoreWarning",
    "Table",
    "alignment_score",
    "alignment_weights",
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
    "udr",
]
