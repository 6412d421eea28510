"""The library of *From a Spiral to the beta-VAE*: autoencoders from scratch in NumPy.

Forward pass, loss and backward pass are written out by hand; there is no automatic
differentiation and no plan for one. The modules are meant to be read beside the book:

    kernels      the array arithmetic, once in NumPy and once compiled by numba
    layers       Dense, Sequential
    convolution  Conv2D, ConvTranspose2D
    losses       squared error, negative log-likelihoods, the Gaussian KL
    likelihoods  what a decoder's output says of a datum, one class each
    optimisers   SGD, Adagrad, Adam
    training     minibatches, the training loop, callbacks, checkpoints
    schedules    what changes in the course of a training: learning rate, beta, the data seen
    inference    probabilistic PCA, the ELBO, its gradients, fitting a Gaussian, IWAE
    models       the estimators, in scikit-learn's manner
    data         the point clouds and pictures of the book
    metrics      reconstruction, intrinsic dimension, disentanglement
    gradcheck    finite differences, with a verdict, and a doctor who names the mistake
    plotting     the book's figures
    exercises    checks of the reader's answers, with a diagnosis
"""

import importlib

__version__ = "0.1.0"

__all__ = [
    "convolution",
    "data",
    "exercises",
    "gradcheck",
    "inference",
    "kernels",
    "layers",
    "likelihoods",
    "losses",
    "metrics",
    "models",
    "optimisers",
    "plotting",
    "schedules",
    "training",
]


def __getattr__(name):
    # Submodules load at first use, so that `import vae_numpy` costs next to nothing.
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
