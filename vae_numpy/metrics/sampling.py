"""From a data set with known factors to codes: what the disentanglement scores have in common.

A score is handed two things. ``encode`` takes rows of data (n, D) and returns their codes (n, K);
of a VAE it is ``transform``, the posterior means. ``dataset`` knows its factors, as
``data.sprites.Sprites`` does; what it must have for that stands under ``KnownFactors``.

Two of the scores look at 1.9 million pictures each, but sprites has only 737,280. ``tabulate``
encodes each of them once; after that a score only looks codes up.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_choice, check_integer, check_matrix, check_number

BLOCK = 4096  # pictures that are drawn and encoded at once: 64 MB of float32 at 64 x 64

Encode: TypeAlias = Callable[[FloatArray], ArrayLike]  # rows (n, D) to their codes (n, K)


class KnownFactors(Protocol):
    """A data set whose rows are made from known factors; a class that has it all is one.

    Its pictures have indices from 0 on. Each is fixed by F factors, integers from 0.
    ``data.sprites.Sprites`` and ``Table`` are such data sets.

    Attributes
    ----------
    factor_names : sequence of str
        The names of the F factors, in the order of their columns.
    """

    @property
    def factor_names(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def sample_factors(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw the factors of n pictures.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator

        Returns
        -------
        factors : (n, F) array of int
            A new array: scores write into it.
        """
        ...

    def indices(self, factors: IntArray) -> IntArray:
        """Look up the indices of the pictures with these factors.

        Parameters
        ----------
        factors : (n, F) array of int

        Returns
        -------
        indices : (n,) array of int
        """
        ...

    def factors(self, indices: IntArray) -> IntArray:
        """Look up the factors of the pictures with these indices.

        Parameters
        ----------
        indices : (n,) array of int

        Returns
        -------
        factors : (n, F) array of int
        """
        ...

    def images(self, indices: IntArray) -> NDArray[Any]:
        """Draw the pictures with these indices.

        Parameters
        ----------
        indices : (n,) array of int

        Returns
        -------
        X : (n, D) array
            What ``encode`` takes.
        """
        ...


class Table:
    """A data set whose pictures are replaced by rows that are looked up, such as codes.

    Parameters
    ----------
    rows : (n_pictures, K) array
        What stands in for each picture, in the order of the data set's indices.
    dataset : data set with known factors

    Raises
    ------
    TypeError, ValueError
        If ``dataset`` is none, or ``rows`` has not one row for each of its pictures.

    Examples
    --------
    The true factors themselves as the data, so that ``encode`` may be any function of them:

    >>> from vae_numpy.data.sprites import Sprites
    >>> from vae_numpy.metrics import Table, factor_vae_score
    >>> sprites = Sprites()
    >>> truth = Table(sprites.factors(np.arange(len(sprites))), sprites)
    >>> budget = {"n_train": 500, "n_eval": 500}
    >>> factor_vae_score(lambda rows: rows, truth, rng=np.random.default_rng(0), **budget)
    1.0
    """

    def __init__(self, rows: ArrayLike, dataset: KnownFactors):
        check_dataset(dataset)
        self.rows = np.asarray(rows)
        if self.rows.ndim != 2 or len(self.rows) != len(dataset):
            raise ValueError(
                f"rows must have shape ({len(dataset)}, K), one for each picture, "
                f"got {self.rows.shape}"
            )
        self.dataset = dataset
        self.factor_names = dataset.factor_names

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, indices: IntArray) -> NDArray[Any]:
        """Look up the rows that stand in for the pictures with these indices.

        Parameters
        ----------
        indices : (n,) array of int

        Returns
        -------
        rows : (n, K) array
        """
        return self.rows[indices]

    def indices(self, factors: IntArray) -> IntArray:
        """Look up the indices of the pictures with these factors.

        Parameters
        ----------
        factors : (n, F) array of int

        Returns
        -------
        indices : (n,) array of int
        """
        return self.dataset.indices(factors)

    def factors(self, indices: IntArray) -> IntArray:
        """Look up the factors of the pictures with these indices.

        Parameters
        ----------
        indices : (n,) array of int

        Returns
        -------
        factors : (n, F) array of int
        """
        return self.dataset.factors(indices)

    def sample_factors(self, n: int, rng: np.random.Generator, **options: Any) -> IntArray:
        """Draw the factors of n pictures.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        **options
            What the data set takes besides, such as the ``fixed`` of ``Sprites``.

        Returns
        -------
        factors : (n, F) array of int
        """
        return self.dataset.sample_factors(n, rng, **options)


def tabulate(
    encode: Encode, dataset: KnownFactors, *, progress: bool = False
) -> tuple[Encode, Table]:
    """Encode every picture of a data set once, so that scores only look codes up.

    Parameters
    ----------
    encode : callable, (n, D) rows to (n, K) codes
    dataset : data set with known factors
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    encode, dataset
        To be used in place of the two arguments: the rows of this data set, a ``Table``, are the
        float32 codes, and this ``encode`` returns them as they are.

    Raises
    ------
    TypeError, ValueError
        If ``encode`` or ``dataset`` is not as described, or a code is not finite.

    Examples
    --------
    The mean of each picture as its only code:

    >>> from vae_numpy.data.sprites import Sprites
    >>> encode, table = tabulate(lambda X: X.mean(axis=1, keepdims=True), Sprites(8))
    >>> table.rows.shape
    (737280, 1)
    """
    check_dataset(dataset)
    codes: FloatArray = np.empty(0, np.float32)  # until the first block tells K
    with progress_bar(len(dataset), "picture", shown=progress, delay=3) as bar:
        for start in range(0, len(dataset), BLOCK):
            indices = np.arange(start, min(start + BLOCK, len(dataset)))
            block = _encoded(encode, dataset, indices)
            if start == 0:
                codes = np.empty((len(dataset), block.shape[1]), np.float32)
            codes[indices] = block
            bar.update(len(indices))
    return _as_it_is, Table(codes, dataset)


def _as_it_is(codes: FloatArray) -> FloatArray:
    return codes


def sample_codes(
    encode: Encode,
    dataset: KnownFactors,
    n: int,
    *,
    rng: np.random.Generator,
    progress: bool = False,
) -> tuple[FloatArray, IntArray]:
    """Draw n pictures at random and encode them.

    Parameters
    ----------
    encode : callable, (rows, D) to (rows, K) codes
    dataset : data set with known factors
    n : int
    rng : numpy.random.Generator
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    codes : (n, K) float64 array
    factors : (n, F) array of int

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a code is not finite.

    Examples
    --------
    >>> from vae_numpy.data.sprites import Sprites
    >>> rng = np.random.default_rng(0)
    >>> codes, factors = sample_codes(lambda X: X[:, :3], Sprites(8), 100, rng=rng)
    >>> codes.shape, factors.shape
    ((100, 3), (100, 5))
    """
    check_dataset(dataset)
    n = check_integer("n", n, minimum=1)
    factors = dataset.sample_factors(n, rng)
    codes = []
    with progress_bar(n, "picture", shown=progress, delay=3) as bar:
        for start in range(0, n, BLOCK):
            block = factors[start : start + BLOCK]
            codes.append(encode_factors(encode, dataset, block))
            bar.update(len(block))
    return np.concatenate(codes), factors


def encode_factors(encode: Encode, dataset: KnownFactors, factors: IntArray) -> FloatArray:
    """Return the float64 codes (n, K) of the pictures with these (n, F) factors."""
    return _encoded(encode, dataset, dataset.indices(factors))


def _encoded(encode: Encode, dataset: KnownFactors, indices: IntArray) -> FloatArray:
    if not callable(encode):
        raise TypeError(f"encode must be a function of rows, got {type(encode).__name__}")
    name = "encode: its codes"
    codes = _check_range(name, check_matrix(name, encode(dataset.images(indices))))
    if len(codes) != len(indices):
        raise ValueError(
            f"encode must return one code for each row: of {len(indices)} rows it made {len(codes)}"
        )
    return codes


def blocks(n_points: int, batch_size: int) -> list[int]:
    """Split n points of ``batch_size`` pictures each into blocks of at most ``BLOCK`` pictures."""
    most = max(1, BLOCK // batch_size)
    return [min(most, n_points - start) for start in range(0, n_points, most)]


def columns_of(dataset: KnownFactors, factors: Sequence[str] | None) -> IntArray:
    """Return the columns of the factors with these names, in their order; of all if None."""
    check_dataset(dataset)
    names = list(dataset.factor_names)
    if factors is None:
        return np.arange(len(names))
    chosen = list(factors) if np.iterable(factors) and not isinstance(factors, str) else []
    for name in chosen:
        check_choice("factors: a name", name, names)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ValueError(f"factors must be a list of two or more different names, got {factors!r}")
    return np.array([names.index(name) for name in chosen])


def check_dataset(dataset: KnownFactors) -> None:
    """Check that ``dataset`` has what the scores need of a data set with known factors.

    Raises
    ------
    TypeError
        If it has not.
    """
    for name in ("factor_names", "sample_factors", "indices", "factors", "images", "__len__"):
        if not hasattr(dataset, name):
            raise TypeError(
                "dataset must know its factors, as data.sprites.Sprites() does; "
                f"{type(dataset).__name__} has no {name}"
            )


def check_codes_and_factors(codes: ArrayLike, factors: ArrayLike) -> tuple[FloatArray, IntArray]:
    """Check codes (N, K) and factors (N, F), and count each factor's values from 0.

    Returns
    -------
    codes : (N, K) float64 array
    factors : (N, F) array of int
        The rank of each value among those that its column holds, so that a table of them has the
        size of the data, whatever the numbers are.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` is not a finite (N, K) array in the range of float32, or ``factors`` holds no
        integers >= 0, has another N, or a column that does not vary.
    """
    codes, factors = _check_range("codes", check_matrix("codes", codes)), np.asarray(factors)
    if factors.dtype.kind not in "iu":
        raise TypeError(f"factors must be integers, got an array of {factors.dtype}")
    if factors.ndim != 2 or len(factors) != len(codes):
        raise ValueError(
            f"factors must have shape (N, F) with the N = {len(codes)} of codes, "
            f"got {factors.shape}"
        )
    if factors.size == 0 or factors.min() < 0:
        raise ValueError("factors must be grid indices >= 0, got a negative one or none at all")
    same = np.flatnonzero(factors.min(axis=0) == factors.max(axis=0))
    if len(same) > 0:
        raise ValueError(f"factors must vary: column {same[0]} is the same in every row")
    ranks = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    return codes, np.stack(ranks, axis=1)


def _check_range(name: str, codes: FloatArray) -> FloatArray:
    # Tables of codes are float32; and their squares must not overflow in float64.
    largest = np.abs(codes).max()
    if largest > np.finfo(np.float32).max:
        raise ValueError(f"{name} must be in the range of float32, +-3.4e38, got {largest:.3g}")
    return codes


def split(
    codes: FloatArray, factors: IntArray, test_fraction: float
) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Split off the last rows for testing: codes, factors, test codes, test factors.

    Raises
    ------
    TypeError, ValueError
        If ``test_fraction`` is no number between 0 and 1 that leaves rows on both sides, or a
        factor does not vary in the rows for training.
    """
    check_number("test_fraction", test_fraction, above=0, below=1)
    n_train = len(codes) - round(test_fraction * len(codes))
    if n_train in (0, len(codes)):
        raise ValueError(
            f"test_fraction = {test_fraction} of {len(codes)} rows leaves one side empty"
        )
    if np.any(factors[:n_train].min(axis=0) == factors[:n_train].max(axis=0)):
        raise ValueError(
            f"factors must vary in the first {n_train} rows: shuffle them, or take more"
        )
    return codes[:n_train], factors[:n_train], codes[n_train:], factors[n_train:]
