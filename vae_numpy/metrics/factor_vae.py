"""The FactorVAE score: can one tell which factor is held still from the code that varies least?"""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from vae_numpy._types import BoolArray, FloatArray, IntArray
from vae_numpy.metrics.meaning import bins_of, warn_of_full_bins
from vae_numpy.metrics.sampling import (
    Encode,
    KnownFactors,
    blocks,
    columns_of,
    encode_factors,
    sample_codes,
)
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_generator, check_integer, check_number


def factor_vae_score(
    encode: Encode,
    dataset: KnownFactors,
    *,
    rng: np.random.Generator,
    factors: Sequence[str] | None = None,
    n_train: int = 10_000,
    n_eval: int = 5_000,
    batch_size: int = 64,
    n_variance: int = 10_000,
    min_std: float = 0.05,
    progress: bool = False,
) -> float:
    """Compute the FactorVAE score of Kim and Mnih.

    In a batch of pictures one factor is held still, the others are at random. The code whose
    variance is smallest, in units of its variance over all pictures, is the batch's vote. Each code
    stands for the factor that it got most of the training votes for, and the score is the share of
    evaluation votes that are right. Show it only beside a random network's.

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
        Votes for training and for evaluation.
    batch_size : int, >= 2
        Pictures in a vote.
    n_variance : int, >= 2
        Pictures for the variance over all pictures.
    min_std : float, >= 0
        Codes with a smaller standard deviation are collapsed and take no part.
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    float
        The accuracy, in [0, 1]; chance is 1 / the number of factors; 0 if all codes collapsed.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a code is not finite.

    Warns
    -----
    MeaninglessScoreWarning
        If values far out make a code's variance what it is (``mutual_information`` says how that
        is seen): then no code varies less within a batch, and this one gets most votes.

    References
    ----------
    Kim and Mnih (2018); budgets and ``min_std`` as in Locatello et al. (2019).

    Examples
    --------
    With the true factors as the code:

    >>> from vae_numpy.data.sprites import Sprites
    >>> from vae_numpy.metrics import Table
    >>> sprites = Sprites()
    >>> truth = Table(sprites.factors(np.arange(len(sprites))), sprites)
    >>> budget = {"n_train": 500, "n_eval": 500}
    >>> factor_vae_score(lambda rows: rows, truth, rng=np.random.default_rng(0), **budget)
    1.0
    """
    columns = columns_of(dataset, factors)
    check_generator(rng)
    n_train = check_integer("n_train", n_train, minimum=1)
    n_eval = check_integer("n_eval", n_eval, minimum=1)
    batch_size = check_integer("batch_size", batch_size, minimum=2)
    n_variance = check_integer("n_variance", n_variance, minimum=2)
    check_number("min_std", min_std, minimum=0)
    codes, _ = sample_codes(encode, dataset, n_variance, rng=rng)
    variances = codes.var(axis=0, ddof=1)  # (K,)
    live = (np.sqrt(variances) >= min_std) & (variances > 0)
    if not live.any():
        return 0.0
    warn_of_full_bins(bins_of(codes))

    def votes(n_votes: int) -> IntArray:
        return _votes(encode, dataset, columns, variances, live, n_votes, batch_size, rng, bar)

    with progress_bar(n_train + n_eval, "vote", shown=progress, delay=3) as bar:
        winner = votes(n_train).argmax(axis=1)  # (K,), each code's factor
        table = votes(n_eval)
    return float(table[np.arange(len(table)), winner].sum() / n_eval)


def _votes(
    encode: Encode,
    dataset: KnownFactors,
    columns: IntArray,
    variances: FloatArray,
    live: BoolArray,
    n_votes: int,
    batch_size: int,
    rng: np.random.Generator,
    bar: tqdm,
) -> IntArray:
    """Count how often each code (K rows) won when each factor (F columns) was held still."""
    table = np.zeros((len(variances), len(columns)), np.int64)
    for n in blocks(n_votes, batch_size):
        batch = dataset.sample_factors(n * batch_size, rng).reshape(n, batch_size, -1)
        vote, label = np.arange(n), rng.integers(len(columns), size=n)
        held = columns[label]
        batch[vote, :, held] = batch[vote, :1, held]
        codes = encode_factors(encode, dataset, batch.reshape(n * batch_size, -1))
        spread = codes.reshape(n, batch_size, -1).var(axis=1, ddof=1)  # (n, K)
        ratio = np.divide(spread, variances, out=np.full_like(spread, np.inf), where=live)
        np.add.at(table, (ratio.argmin(axis=1), label), 1)
        bar.update(n)
    return table
