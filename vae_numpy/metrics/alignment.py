"""How nearly each neuron follows one unit of a model: the alignment score of Higgins et al. (2021).

A lasso predicts each neuron from all units at once. One large weight means that the neuron goes
along with one unit; weights of the same size mean that it mixes all of them. So the paper's
figure 3a describes the score. One minus the normalised entropy of the weights is the completeness
of Eastwood and Williams (2018), with neurons in the place of factors. The figure does not say how
strong the lasso's penalty is. The default here, with standardised columns, is that of the published
code of Duan et al. (2020), whose UDR compares the codes of two models in the same way.
"""

import numpy as np
from sklearn.linear_model import Lasso, LassoCV

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import check_choice, check_matrix, check_number, power_of_two


def alignment_weights(codes: ArrayLike, neurons: ArrayLike, alpha: float | str = 0.1) -> FloatArray:
    """Compute how strongly each unit predicts each neuron: absolute weights of one lasso a neuron.

    Units and neurons are centred and divided by their standard deviations first, so that a unit's
    scale, sign and offset do not matter.

    Parameters
    ----------
    codes : (N, K) array
        The model's units, one row a picture.
    neurons : (N, M) array
        The responses to the same pictures, each a mean over its repetitions.
    alpha : float in (0, 1), or "cv"
        The penalty on the weights in ``Lasso``'s objective, |y - Xw|^2 / 2N + alpha |w|_1; at 1
        no weight is left. "cv" chooses it for each neuron by five-fold cross-validation.

    Returns
    -------
    (M, K) float64 array
        Standard deviations of the neuron per standard deviation of the unit, >= 0. All zero
        in the row of a neuron that no unit predicts or that is constant, and in the column of a
        constant unit.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite, 2-D and with as many rows as each other (at least 5), or
        ``alpha`` is neither in (0, 1) nor "cv".

    Examples
    --------
    A neuron that follows the first unit; in units of standard deviations, the lasso of a single
    unit shrinks its weight of 1 by ``alpha``:

    >>> units = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [1, 0], [1, 1]])
    >>> alignment_weights(units, 5 - 2 * units[:, :1], alpha=0.1).round(3)
    array([[0.9, 0. ]])
    """
    codes, neurons = check_matrix("codes", codes), check_matrix("neurons", neurons)
    if len(codes) != len(neurons):
        raise ValueError(
            f"neurons must have as many rows as codes, {len(codes)}, got {len(neurons)}"
        )
    if len(codes) < 5:
        raise ValueError(f"codes must have at least 5 rows, got {len(codes)}")
    X, Y = _standardise(codes), _standardise(neurons)  # (N, K), (N, M)
    # Nothing is random here; without random_state, Lasso would still draw from np.random.
    options = {"fit_intercept": False, "random_state": 0}
    if isinstance(alpha, str):
        check_choice("alpha", alpha, ["cv"])
        moving = Y.any(axis=0)  # a constant neuron has no penalty to choose
        weights = np.zeros((Y.shape[1], X.shape[1]))
        for m in np.flatnonzero(moving):
            weights[m] = LassoCV(cv=5, **options).fit(X, Y[:, m]).coef_
    else:
        alpha = check_number("alpha", alpha, above=0, below=1)
        lasso = Lasso(alpha, precompute=True, **options).fit(X, Y)
        weights = lasso.coef_.reshape(Y.shape[1], X.shape[1])  # one neuron loses its axis
    return np.abs(weights)


def alignment_score(
    codes: ArrayLike, neurons: ArrayLike, alpha: float | str = 0.1, per_neuron: bool = False
) -> float | FloatArray:
    """Compute the alignment score: 1 if each neuron follows one unit, 0 if it mixes all equally.

    With p the absolute weights of a neuron, divided by their sum, its score is 1 - H(p) / ln K,
    where K counts the units that vary (constant units would make every neuron look better).

    Parameters
    ----------
    codes : (N, K) array
        The model's units, one row a picture.
    neurons : (N, M) array
        The responses to the same pictures.
    alpha : float in (0, 1), or "cv"
        The lasso's penalty, as in ``alignment_weights``.
    per_neuron : bool
        Return the score of each neuron instead of their mean.

    Returns
    -------
    float or (M,) float64 array
        In [0, 1]. A neuron without any weight has no score: it is NaN in the array and left out
        of the mean, which is NaN if no neuron has a weight. Count them: neurons that nothing
        predicts are no sign of alignment.

    Raises
    ------
    TypeError, ValueError
        As ``alignment_weights``; also if fewer than 2 units vary.

    References
    ----------
    Higgins et al., *Nature Communications* 12, 6456 (2021), figure 3a. Eastwood and Williams,
    ICLR (2018), "completeness". Duan et al., ICLR (2020).

    Examples
    --------
    The first neuron follows one unit, the second mixes two in equal parts:

    >>> units = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [1, 0], [1, 1]])
    >>> neurons = np.column_stack([-units[:, 0], units[:, 0] + units[:, 1]])
    >>> alignment_score(units, neurons, per_neuron=True).round(3) + 0
    array([1., 0.])
    """
    n_units = np.count_nonzero(np.ptp(check_matrix("codes", codes), axis=0))
    if n_units < 2:
        raise ValueError(f"codes must have at least 2 units that vary, got {n_units}")
    weights = alignment_weights(codes, neurons, alpha)  # (M, K)
    total = weights.sum(axis=1)
    scores = np.full(len(weights), np.nan)
    found = total > 0
    p = weights[found] / total[found, None]
    log_p = np.log(p, out=np.zeros_like(p), where=p > 0)  # 0 log 0 = 0
    scores[found] = 1 + np.sum(p * log_p, axis=1) / np.log(n_units)
    if per_neuron:
        return scores
    return float(scores[found].mean()) if found.any() else np.nan


def _standardise(X: FloatArray) -> FloatArray:
    """Centre each column and divide it by its standard deviation; constant columns become 0."""
    X = np.stack([column / power_of_two(column) for column in X.T], axis=1)
    spread = np.where(np.ptp(X, axis=0) > 0, X.std(axis=0), np.inf)
    return (X - X.mean(axis=0)) / spread
