"""What people get wrong in four operations, written out: the doctor's special knowledge.

Each operation has four parts: the loss, in plain NumPy, for finite differences; its right
gradients; the gradients after each mistake that is known of it; and a public function that
compares.
"""

from collections.abc import Sequence

import numpy as np

from vae_numpy._types import ArrayLike
from vae_numpy.gradcheck.consultation import (
    Changed,
    Given,
    Gradients,
    Operation,
    Through,
    as_float64,
    consult,
)
from vae_numpy.gradcheck.doctor import Diagnosis
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.utils import check_choice

sigmoid, _ = ACTIVATIONS["sigmoid"]

# The dense layer y = f(x W + b) -----------------------------------------------------------------


def _dense_loss(x, W, b, dy, activation):
    f, _ = ACTIVATIONS[activation]
    return np.sum(f(x @ W + (0 if b is None else b)) * dy)


def _dense_gradients(x, W, b, dy, activation):
    f, derivative = ACTIVATIONS[activation]
    y = f(x @ W + (0 if b is None else b))
    gradients = _gradients_from_da(x, W, dy * derivative(y))
    if b is None:
        del gradients["db"]
    return gradients


def _gradients_from_da(x, W, da):
    return {"dW": x.T @ da, "db": da.sum(axis=0), "dx": da @ W.T}


def _dense_suspects(x, W, b, dy, activation, x_redrawn=()):
    f, derivative = ACTIVATIONS[activation]
    a = x @ W + (0 if b is None else b)  # (N, n_out)
    y = f(a)
    da = dy * derivative(y)
    suspects = []

    if b is not None:
        unused = {"db": np.zeros_like(b)}
        suspects.append(("forgotten_bias", "is 0: the bias gets no gradient", unused))
    for mistake, message, wrong in wrong_activations(a, x @ W, dy, activation):
        suspects.append((mistake, message, _gradients_from_da(x, W, wrong)))
    for redrawn in x_redrawn:
        message = "is computed with other noise in x than the forward pass had"
        suspects.append(("noise", message, _gradients_from_da(redrawn, W, da)))
    return suspects + _wrong_products(x, W, da)


def wrong_activations(a, without_bias, dy, activation):
    """Yield (mistake, message, the da that it makes) of what goes wrong at y = f(a), b in a."""
    f, derivative = ACTIVATIONS[activation]
    y = f(a)
    da = dy * derivative(y)
    if np.any(a != without_bias):
        message = "is computed from an a without b: the bias is forgotten"
        yield "forgotten_bias", message, dy * derivative(f(without_bias))
    if activation != "identity":
        told = f"takes {activation}'s derivative"
        yield (
            "derivative_at_input",
            f"{told} at the input a: written with y, it needs y = {activation}(a)",
            dy * derivative(a),
        )
        yield (
            "derivative_at_input",
            f"{told} at the output where the formula wants the input: written with a, it needs a",
            dy * derivative(f(y)),
        )
        message = f"lacks {activation}'s derivative: da = dy * f'"
        yield "derivative_missing", message, dy
        yield "derivative_of_another", f"{told} twice", da * derivative(y)
    for other, (_, slope) in ACTIVATIONS.items():
        if other not in (activation, "identity"):
            message = f"takes {other}'s derivative, where the activation is {activation}"
            yield "derivative_of_another", message, dy * slope(y)


def _wrong_products(x, W, da):
    """List the suspects that sum over a wrong axis or lack a transposition, where shapes allow."""
    suspects = []
    sums = [
        (
            "db must sum da, (N, n_out), over the batch, axis 0",
            "db",
            [da.sum(axis=1), da.mean(axis=1)],
        ),
        (
            "dW = x.T @ da must sum over the batch",
            "dW",
            _products(W.shape, (x, da), (x, da.T), (x.T, da.T)),
        ),
        ("dx = da @ W.T must sum over n_out", "dx", _products(x.shape, (da.T, W.T), (da.T, W))),
    ]
    for wanted, key, wrong in sums:
        for gradient in wrong:
            message = f"is summed over the wrong axis: {wanted}"
            suspects.append(("wrong_axis", message, {key: gradient}))
    for product in _products(x.shape, (da, W)):
        suspects.append(("transposed", "needs W transposed: dx = da W.T", {"dx": product}))
    return suspects


def _products(shape, *pairs):
    """Multiply the pairs of matrices that can be multiplied, and yield what has this shape."""
    for a, b in pairs:
        if a.shape[1] == b.shape[0] and (a.shape[0], b.shape[1]) == shape:
            yield a @ b


_DENSE = Operation(
    {"dW": "W", "db": "b", "dx": "x"}, _dense_loss, _dense_gradients, _dense_suspects
)


def diagnose_dense(
    gradients: Given,
    x: ArrayLike,
    W: ArrayLike,
    b: ArrayLike | None,
    dy: ArrayLike | Gradients,
    *,
    activation: str = "identity",
    previous: Changed | None = None,
    other_noise: Sequence[Changed] = (),
    through: Through | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Diagnose the gradients of a dense layer y = f(x W + b).

    Parameters
    ----------
    gradients : dict, or callable
        Any of ``"dW"``, ``"db"`` and ``"dx"``, or a function without arguments that returns such
        a dict; it is called twice, to see whether anything piles up or is drawn inside.
    x : (N, n_in)
    W : (n_in, n_out)
    b : (n_out,) or None
    dy : (N, n_out), or dict of such
        The gradient of the loss in y. A dict holds one for each term of the loss, by name.
    activation : str
        As of ``layers.Dense``.
    previous : dict
        The arguments of the step before, where they differ, to find stale and accumulated
        gradients.
    other_noise : sequence of dict
        Arguments under other draws of the noise, where they differ.
    through : callable
        A linear function from the dict of right gradients here to that of gradients further back;
        ``gradients`` then holds the latter.
    tolerance : float
        As of ``diagnose``.

    Returns
    -------
    diagnosis : Diagnosis
        Of the first wrong gradient; one with a name goes before one without.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """
    check_choice("activation", activation, ACTIVATIONS)
    terms = {}
    if isinstance(dy, dict):
        terms = {term: {"dy": part} for term, part in dy.items()}
        dy = sum(np.asarray(part, np.float64) for part in dy.values())
    arguments = as_float64(x=x, W=W, b=b, dy=dy) | {"activation": activation}
    return consult(
        _DENSE,
        gradients,
        arguments,
        n_features=np.shape(W),
        known={"x_redrawn": [np.asarray(o["x"], np.float64) for o in other_noise if "x" in o]},
        terms=terms,
        previous=previous,
        other_noise=other_noise,
        through=through,
        tolerance=tolerance,
    )


# The Bernoulli loss -----------------------------------------------------------------------------


def _bernoulli_loss(logits, x):
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x)


def _bernoulli_gradients(logits, x):
    return {"dlogits": (sigmoid(logits) - x) / len(x)}


def _bernoulli_suspects(logits, x, bias=None):
    n, p = len(x), sigmoid(logits)
    slope = p * (1 - p)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        dp = (p - x) / slope / n  # the gradient in the probability p
    told = "takes the sigmoid's derivative"
    suspects = [
        ("missing_term", "lacks one term of the loss: (1 - x) log(1 - p)", -x * (1 - p) / n),
        ("missing_term", "lacks one term of the loss: x log p", (1 - x) * p / n),
        ("derivative_missing", "is that in p: in the logits it is p (1 - p) times that", dp),
        (
            "derivative_at_input",
            f"{told} at the logits: p (1 - p) needs p, the output",
            dp * logits * (1 - logits),
        ),
        (
            "derivative_at_input",
            f"{told} at p where the formula wants the logits",
            dp * sigmoid(p) * (1 - sigmoid(p)),
        ),
        ("derivative_of_another", f"{told} twice: p - x holds it already", (p - x) * slope / n),
        (
            "derivative_of_another",
            "takes tanh's derivative, where p is a sigmoid",
            dp * (1 - p**2),
        ),
        ("activation_missing", "takes the logits for probabilities", (logits - x) / n),
    ]
    if bias is not None:
        message = "is computed without the bias of the layer that makes the logits"
        suspects.append(("forgotten_bias", message, (sigmoid(logits - bias) - x) / n))
    return [(mistake, message, {"dlogits": wrong}) for mistake, message, wrong in suspects]


_BERNOULLI = Operation(
    {"dlogits": "logits"}, _bernoulli_loss, _bernoulli_gradients, _bernoulli_suspects
)


def diagnose_bernoulli(
    gradients: Given,
    logits: ArrayLike,
    x: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    previous: Changed | None = None,
    other_noise: Sequence[Changed] = (),
    through: Through | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Diagnose the gradient of ``losses.bernoulli_nll`` in its logits.

    Parameters
    ----------
    gradients : array, dict or callable
        ``"dlogits"``, or the array alone; see ``diagnose_dense``.
    logits, x : (N, D)
    bias : (D,)
        The bias that is part of the logits, to find out if it was forgotten.
    previous : dict
        The arguments of the step before, where they differ.
    other_noise : sequence of dict
        Arguments under other draws of the noise, where they differ.
    through : callable
        From the right gradients here to those further back; see ``diagnose_dense``.
    tolerance : float
        As of ``diagnose``.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """
    return consult(
        _BERNOULLI,
        gradients,
        as_float64(logits=logits, x=x),
        n_features=np.shape(x)[1],
        known=as_float64(bias=bias),
        previous=previous,
        other_noise=other_noise,
        through=through,
        tolerance=tolerance,
    )


# The KL divergence from the standard normal -----------------------------------------------------


def _kl_loss(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar) / len(mu)


def _kl_gradients(mu, logvar):
    return {"dmu": mu / len(mu), "dlogvar": 0.5 * np.expm1(logvar) / len(mu)}


def _kl_suspects(mu, logvar, bias=None):
    n, v = len(mu), logvar
    with np.errstate(divide="ignore", over="ignore"):
        wrong = [
            ("missing_term", "lacks one term: the -log s^2 of the KL, which gives -1/2", np.exp(v)),
            ("missing_term", "lacks one term: the s^2 of the KL, which gives e^v / 2", -1 + 0 * v),
            ("missing_term", "is 0: the terms s^2 - log s^2 of the KL are missing", 0 * v),
            ("logvar_as_variance", "takes v for the variance: v is its logarithm", 1 - 1 / v),
            ("logvar_as_variance", "takes v for the variance: e^v belongs there", v - 1),
            (
                "logvar_as_variance",
                "is that in the variance: in v it is s^2 times it",
                -np.expm1(-v),
            ),
            ("logvar_as_std", "takes v for log s: it is log s^2", 2 * np.expm1(2 * v)),
            ("logvar_as_std", "is that in log s: in v = 2 log s it is half of it", 2 * np.expm1(v)),
            ("logvar_as_std", "takes e^v for s, and squares it: e^v is s^2", np.expm1(2 * v)),
            ("logvar_as_std", "takes v for s: it is log s^2", 2 * (v - 1 / v)),
            ("logvar_as_std", "takes v for s: e^v belongs where v^2 stands", v**2 - 1),
            ("logvar_as_std", "is that in s: in v it is s/2 times it", 4 * np.sinh(v / 2)),
            ("logvar_as_std", "has the standard deviation where e^v belongs", np.expm1(v / 2)),
            (
                "derivative_at_input",
                "takes exp's derivative at the input: the derivative of e^v is e^v, not v",
                -v * np.expm1(-v),
            ),
        ]
    suspects = [(m, message, {"dlogvar": 0.5 * twice / n}) for m, message, twice in wrong]
    suspects.append(("missing_term", "is 0: the mu^2 of the KL is missing", {"dmu": 0 * mu}))
    if bias is not None:
        k = mu.shape[1]
        message = "is computed without the bias of the layer that makes mu and logvar"
        without = _kl_gradients(mu - bias[:k], logvar - bias[k:])
        suspects.append(("forgotten_bias", message, without))
    return suspects


_KL = Operation({"dmu": "mu", "dlogvar": "logvar"}, _kl_loss, _kl_gradients, _kl_suspects)


def diagnose_kl(
    gradients: Given,
    mu: ArrayLike,
    logvar: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    previous: Changed | None = None,
    other_noise: Sequence[Changed] = (),
    through: Through | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Diagnose the gradients of ``losses.gaussian_kl``.

    Parameters
    ----------
    gradients : dict or callable
        Any of ``"dmu"`` and ``"dlogvar"``; see ``diagnose_dense``.
    mu, logvar : (N, K)
    bias : (2K,)
        The bias that is part of mu and logvar, in this order, to find out if it was forgotten.
    previous : dict
        The arguments of the step before, where they differ.
    other_noise : sequence of dict
        Arguments under other draws of the noise, where they differ.
    through : callable
        From the right gradients here to those further back; see ``diagnose_dense``.
    tolerance : float
        As of ``diagnose``.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """
    return consult(
        _KL,
        gradients,
        as_float64(mu=mu, logvar=logvar),
        n_features=np.shape(mu)[1],
        known=as_float64(bias=bias),
        previous=previous,
        other_noise=other_noise,
        through=through,
        tolerance=tolerance,
    )


# The reparameterised sample z = mu + exp(logvar / 2) eps ----------------------------------------


def _sample_loss(dz, mu, logvar, eps):
    return np.sum((mu + np.exp(logvar / 2) * eps) * dz)


def _sample_gradients(dz, mu, logvar, eps):
    return {"dmu": dz, "dlogvar": 0.5 * dz * np.exp(logvar / 2) * eps}


def _sample_suspects(dz, mu, logvar, eps):
    v, s = logvar, np.exp(logvar / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        wrong = [
            ("missing_term", "is 0: through the sample flows a gradient too", 0 * v),
            ("logvar_as_std", "takes e^v for s: it is s^2, and s = e^(v/2)", s**2 * eps),
            ("logvar_as_std", "is that in log s: in v = 2 log s it is half of it", s * eps),
            ("logvar_as_std", "is that in s: in v it is s/2 times it", eps),
            (
                "logvar_as_variance",
                "has the variance e^v where s = e^(v/2) belongs",
                s**2 * eps / 2,
            ),
            ("logvar_as_variance", "is that in s^2: in v it is s^2 times it", eps / s / 2),
            ("logvar_as_variance", "takes v for s^2: it is log s^2", eps / np.sqrt(v) / 2),
            ("logvar_as_variance", "takes the root of v for s: s = e^(v/2)", np.sqrt(v) * eps / 2),
            (
                "derivative_at_input",
                "takes exp's derivative at the input: that of e^(v/2) is e^(v/2)/2, not v/4",
                v * eps / 4,
            ),
            ("derivative_missing", "lacks exp's derivative: that of e^(v/2) is e^(v/2)/2", eps / 2),
            ("noise", "lacks the noise: z changes with v by s eps / 2", s / 2),
            ("noise", "has the noise of the first row in all rows", s * eps[:1] / 2),
        ]
    suspects = [(m, message, {"dlogvar": dz * factor}) for m, message, factor in wrong]
    suspects.append(("missing_term", "is 0: z = mu + s eps changes with mu", {"dmu": 0 * dz}))
    return suspects


_SAMPLE = Operation(
    {"dmu": "mu", "dlogvar": "logvar"}, _sample_loss, _sample_gradients, _sample_suspects
)


def diagnose_reparameterise(
    gradients: Given,
    dz: ArrayLike,
    mu: ArrayLike,
    logvar: ArrayLike,
    eps: ArrayLike,
    *,
    previous: Changed | None = None,
    other_noise: Sequence[Changed] = (),
    through: Through | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Diagnose the gradients of z = mu + exp(logvar / 2) eps.

    Parameters
    ----------
    gradients : dict or callable
        Any of ``"dmu"`` and ``"dlogvar"``; see ``diagnose_dense``.
    dz : (N, K)
        The gradient of the loss in z.
    mu, logvar, eps : (N, K)
    previous : dict
        The arguments of the step before, where they differ.
    other_noise : sequence of dict
        Arguments under other draws of the noise, where they differ.
    through : callable
        From the right gradients here to those further back; see ``diagnose_dense``.
    tolerance : float
        As of ``diagnose``.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """
    return consult(
        _SAMPLE,
        gradients,
        as_float64(dz=dz, mu=mu, logvar=logvar, eps=eps),
        n_features=np.shape(mu)[1],
        previous=previous,
        other_noise=other_noise,
        through=through,
        tolerance=tolerance,
    )
