"""UDR: do models that differ in their random numbers only find the same latents?"""

from collections.abc import Sequence

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.metrics.alignment import alignment_weights
from vae_numpy.utils import check_matrix, check_number


def udr(
    codes: Sequence[ArrayLike],
    kl_per_latent: Sequence[ArrayLike],
    *,
    alpha: float = 0.1,
    min_kl: float = 0.01,
) -> FloatArray:
    """Compute each model's UDR: how far the others agree with it on their latents.

    A score without factors. Of each two models, lassos predict every live latent of one from
    those of the other; let R (K_a, K_b) hold their absolute weights. A latent that is found again
    as one latent has one large weight. So each column b is worth

        max_a R_ab^2 / sum_a R_ab,

    or 0 if it is all 0, and each row likewise. A pair's score is the mean over the columns plus the
    mean over the rows, halved. A model's score is the median over its pairs. Order, sign and scale
    of the latents do not matter.

    Models that all make the same mistake get a high one: it says nothing about factors.

    Parameters
    ----------
    codes : sequence of M >= 2 arrays (N, K)
        The mean codes of the same N pictures, as a VAE's ``transform`` returns them, from M models
        with other seeds and otherwise the same settings. K may differ.
    kl_per_latent : sequence of M arrays (K,)
        What each latent carries, in nats.
    alpha : float in (0, 1)
        The lasso's penalty, as in ``alignment_weights``.
    min_kl : float
        A latent lives if it carries more than this, in nats.

    Returns
    -------
    scores : (M,) float64 array
        From 0 to 1 - alpha, higher is better. A pair in which one model has no live latent
        counts 0.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two models, ``codes`` are not finite and 2-D with the same number
        of rows, at least 5, or ``kl_per_latent`` does not have their columns.

    References
    ----------
    Duan et al. (2020), section 4, "UDR-Lasso", as in their code in disentanglement_lib: there the
    means over rows and columns count half each, and the pairs' median is taken.

    Examples
    --------
    Two models that agree up to order and sign, and a third one whose axes are turned by 45 degrees:

    >>> z = np.tile([[-1.0, -1], [-1, 1], [1, -1], [1, 1]], (5, 1))
    >>> turned = z @ [[1, -1], [1, 1]] / np.sqrt(2)
    >>> udr([z, -z[:, ::-1], turned], [[3.0, 3]] * 3).round(3)
    array([0.602, 0.602, 0.304])
    """
    live = _live(codes, kl_per_latent, check_number("min_kl", min_kl, minimum=0))
    pairs = np.zeros((len(live), len(live)))
    for i, a in enumerate(live):
        for j, b in enumerate(live):
            if i != j and a.size and b.size:
                R = alignment_weights(a, b, alpha).T  # (K_a, K_b)
                pairs[i, j] = (_worth(R).mean() + _worth(R.T).mean()) / 2
    others = [np.delete(column, j) for j, column in enumerate(pairs.T)]
    return np.median(others, axis=1)


def _live(
    codes: Sequence[ArrayLike], kl_per_latent: Sequence[ArrayLike], min_kl: float
) -> list[FloatArray]:
    """Check the arguments of ``udr``, and keep the columns of each code that live."""
    if len(codes) < 2 or len(kl_per_latent) != len(codes):
        raise ValueError(
            "codes and kl_per_latent must have one array for each of two or more models, "
            f"got {len(codes)} and {len(kl_per_latent)}"
        )
    live = []
    for i, (code, kl) in enumerate(zip(codes, kl_per_latent, strict=True)):
        code, kl = check_matrix(f"codes[{i}]", code), np.asarray(kl, float)
        if kl.shape != code.shape[1:] or not np.isfinite(kl).all():
            raise ValueError(
                f"kl_per_latent[{i}] must hold {code.shape[1]} finite numbers, one for each "
                f"column of codes[{i}], got shape {kl.shape}"
            )
        live.append(code[:, kl > min_kl])
    return live


def _worth(R: FloatArray) -> FloatArray:
    """Compute how far each column of R is one large entry: its largest squared over its sum."""
    total, largest = R.sum(axis=0), R.max(axis=0)
    return np.divide(largest**2, total, out=np.zeros_like(total), where=total > 0)
