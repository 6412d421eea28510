"""Gradient checking: is a gradient that was derived by hand right, and if not, why?

    differences      finite differences, and a verdict: right, or wrong here
    doctor           the likely mistake, named from the pattern of what is wrong
    known_mistakes   what people get wrong in a dense layer, a Bernoulli loss, the KL divergence
                     and the reparameterised sample
    convolution    the same for a convolution
    consultation     the doctor asked about all gradients of such an operation at once

It compares numbers and knows some fifty ways to go wrong. It does not read code, and a gradient
that is right for the wrong loss is right to it.
"""

from vae_numpy.gradcheck.convolution import diagnose_convolution
from vae_numpy.gradcheck.differences import (
    Verdict,
    check_gradient,
    check_layer,
    numerical_gradient,
)
from vae_numpy.gradcheck.doctor import MISTAKES, Diagnosis, diagnose
from vae_numpy.gradcheck.known_mistakes import (
    diagnose_bernoulli,
    diagnose_dense,
    diagnose_kl,
    diagnose_reparameterise,
)
from vae_numpy.gradcheck.suspects import Suspect

__all__ = [
    "MISTAKES",
    "Diagnosis",
    "Suspect",
    "Verdict",
    "check_gradient",
    "check_layer",
    "diagnose",
    "diagnose_bernoulli",
    "diagnose_convolution",
    "diagnose_dense",
    "diagnose_kl",
    "diagnose_reparameterise",
    "numerical_gradient",
]
