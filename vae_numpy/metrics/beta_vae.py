"""The beta-VAE score: can one tell which factor two pictures share from how their codes differ?"""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from vae_numpy._types import FloatArray, IntArray
from vae_numpy.metrics.sampling import Encode, KnownFactors, blocks, columns_of, encode_factors
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_generator, check_integer


def beta_vae_score(
    encode: Encode,
    dataset: KnownFactors,
    *,
    rng: np.random.Generator,
    factors: Sequence[str] | None = None,
    n_train: int = 10_000,
    n_eval: int = 5_000,
    batch_size: int = 64,
    progress: bool = False,
) -> float:
    """Compute the beta-VAE score of Higgins et al.

    A point is made of pairs of pictures that share one factor, at random otherwise: the mean over
    the pairs of abs(z1 - z2). A linear classifier (logistic regression) has to say which factor it
    was. A random network of the true factors reaches almost 1 too, and an untrained one of pictures
    more than chance: show this score only beside such a network's.

    Parameters
    ----------
    encode : callable, (n, D) rows to (n, K) codes
        Such as a VAE's ``transform``.
    dataset : data set with known factors
        Such as ``data.sprites.Sprites()``, or what ``tabulate`` returns.
    rng : numpy.random.Generator
    factors : list of str, optional
        The factors to choose from, by name; all of them if None. The others vary freely.
    n_train, n_eval : int
        Points for training the classifier, and points for its accuracy.
    batch_size : int
        Pairs in a point.
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    float
        The accuracy, in [0, 1]; chance is 1 / the number of factors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a code is not finite.

    References
    ----------
    Higgins et al. (2017); budgets and classifier as in Locatello et al. (2019).

    Examples
    --------
    With the true factors as the code:

    >>> from vae_numpy.data.sprites import Sprites
    >>> from vae_numpy.metrics import Table
    >>> sprites = Sprites()
    >>> truth = Table(sprites.factors(np.arange(len(sprites))), sprites)
    >>> budget = {"n_train": 500, "n_eval": 500}
    >>> beta_vae_score(lambda rows: rows, truth, rng=np.random.default_rng(0), **budget)
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    columns = columns_of(dataset, factors)
    check_generator(rng)
    n_train = check_integer("n_train", n_train, minimum=1)
    n_eval = check_integer("n_eval", n_eval, minimum=1)
    batch_size = check_integer("batch_size", batch_size, minimum=1)
    with progress_bar(n_train + n_eval, "point", shown=progress, delay=3) as bar:
        points, labels = _points(encode, dataset, columns, n_train, batch_size, rng, bar)
        if len(np.unique(labels)) < 2:
            raise ValueError(
                f"n_train must be larger: {n_train} points share one and the same factor"
            )
        classifier = LogisticRegression(max_iter=1000).fit(points, labels)
        points, labels = _points(encode, dataset, columns, n_eval, batch_size, rng, bar)
    return float(classifier.score(points, labels))


def _points(
    encode: Encode,
    dataset: KnownFactors,
    columns: IntArray,
    n_points: int,
    batch_size: int,
    rng: np.random.Generator,
    bar: tqdm,
) -> tuple[FloatArray, IntArray]:
    """Make n points (n, K) and the column of the factor that each one's pairs share (n,)."""
    points, labels = [], []
    for n in blocks(n_points, batch_size):
        label = rng.choice(columns, size=n)
        first = dataset.sample_factors(n * batch_size, rng)
        second = dataset.sample_factors(n * batch_size, rng)
        pair, shared = np.arange(n * batch_size), np.repeat(label, batch_size)
        second[pair, shared] = first[pair, shared]
        z1 = encode_factors(encode, dataset, first)
        z2 = encode_factors(encode, dataset, second)  # (n * batch_size, K)
        points.append(np.abs(z1 - z2).reshape(n, batch_size, -1).mean(axis=1))
        labels.append(label)
        bar.update(n)
    return np.concatenate(points), np.concatenate(labels)
