"""Every disentanglement score of one encoder, from one pass over its data set.

``SCORES`` is the list of them: a new score is a function here and a line there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vae_numpy._types import FloatArray, IntArray
from vae_numpy.metrics.beta_vae import beta_vae_score
from vae_numpy.metrics.dci import dci
from vae_numpy.metrics.factor_vae import factor_vae_score
from vae_numpy.metrics.mig import mig
from vae_numpy.metrics.modularity import modularity
from vae_numpy.metrics.sampling import (
    Encode,
    KnownFactors,
    Table,
    columns_of,
    sample_codes,
    tabulate,
)
from vae_numpy.metrics.sap import sap
from vae_numpy.utils import check_choice, check_generator, check_integer


@dataclass(frozen=True)
class _Subject:
    """What is to be scored, and how much may be spent on it; as in ``all_scores``."""

    encode: Encode
    dataset: KnownFactors
    factors: list[str]
    n_points: int
    n_train: int
    n_eval: int
    n_bins: int
    dci_points: int
    dci_estimators: int
    progress: bool

    def sample(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Draw the codes (n, K) and the chosen factors (n, F) of n pictures."""
        codes, factors = sample_codes(self.encode, self.dataset, n, rng=rng)
        return codes, factors[:, columns_of(self.dataset, self.factors)]

    def ask(self, score: Callable[..., float], rng: np.random.Generator) -> float:
        """Compute a score that draws its own pictures."""
        return score(
            self.encode,
            self.dataset,
            rng=rng,
            factors=self.factors,
            n_train=self.n_train,
            n_eval=self.n_eval,
            progress=self.progress,
        )


def _beta_vae(subject: _Subject, rng: np.random.Generator) -> float:
    return subject.ask(beta_vae_score, rng)


def _factor_vae(subject: _Subject, rng: np.random.Generator) -> float:
    return subject.ask(factor_vae_score, rng)


def _mig(subject: _Subject, rng: np.random.Generator) -> float:
    return mig(*subject.sample(subject.n_points, rng), n_bins=subject.n_bins)


def _modularity(subject: _Subject, rng: np.random.Generator) -> float:
    return modularity(*subject.sample(subject.n_points, rng), n_bins=subject.n_bins)


def _sap(subject: _Subject, rng: np.random.Generator) -> float:
    n = subject.n_train + subject.n_eval
    share = subject.n_eval / n
    return sap(*subject.sample(n, rng), test_fraction=share, progress=subject.progress)


def _dci(subject: _Subject, rng: np.random.Generator) -> dict[str, float]:
    found = dci(
        *subject.sample(subject.dci_points, rng),
        rng=rng,
        n_estimators=subject.dci_estimators,
        progress=subject.progress,
    )
    parts = ("disentanglement", "completeness", "informativeness")
    return {f"dci_{part}": getattr(found, part) for part in parts}


# name: a function of the subject and a generator that returns a number, or a dict of several
SCORES: dict[str, Callable[[_Subject, np.random.Generator], float | dict[str, float]]] = {
    "beta_vae": _beta_vae,
    "factor_vae": _factor_vae,
    "mig": _mig,
    "modularity": _modularity,
    "sap": _sap,
    "dci": _dci,
}


def all_scores(
    encode: Encode,
    dataset: KnownFactors,
    *,
    rng: np.random.Generator,
    factors: Sequence[str] | None = None,
    scores: Iterable[str] | None = None,
    n_points: int = 10_000,
    n_train: int = 10_000,
    n_eval: int = 5_000,
    n_bins: int = 20,
    dci_points: int = 1_500,
    dci_estimators: int = 100,
    progress: bool = False,
) -> dict[str, float]:
    """Compute the disentanglement scores of an encoder.

    The whole data set is encoded once (``tabulate``), unless ``dataset`` is such a table already.
    An untrained network's scores, the baseline without which the others mean nothing, come from
    the same call: ``all_scores(untrained.transform, dataset, rng=rng)``.

    Parameters
    ----------
    encode : callable, (n, D) rows to (n, K) codes
        Such as a VAE's ``transform``.
    dataset : data set with known factors
        Such as ``data.sprites.Sprites()``, or what ``tabulate`` returns.
    rng : numpy.random.Generator
        One number is drawn from it. With that and its own name each score seeds a generator of
        its own, so that leaving a score out, or adding one, changes no other.
    factors : list of str, optional
        The factors that count, by name; all of them if None. The others vary freely.
    scores : sequence of str, optional
        Which to compute, of ``SCORES``; all of them if None. Without "dci" it takes a fraction of
        the time.
    n_points : int
        Pictures for MIG and modularity.
    n_train, n_eval : int
        Points for training and for evaluating the beta-VAE and FactorVAE scores; pictures for SAP.
    n_bins : int
        For MIG and modularity.
    dci_points, dci_estimators : int
        Pictures for DCI, of which the last third is for evaluation, and steps of its boosting.
        With the 15,000 pictures of Locatello et al. and ten codes, DCI alone takes about ten
        minutes; with 1,500 about half of one.
    progress : bool
        Show bars for what takes more than 3 seconds.

    Returns
    -------
    dict of str to float
        Under the names of ``SCORES``, but for DCI's three: "dci_disentanglement",
        "dci_completeness" and "dci_informativeness".

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a code is not finite.

    Warns
    -----
    MeaninglessScoreWarning
        As the single scores.

    Examples
    --------
    With the true factors as the code:

    >>> from vae_numpy.data.sprites import Sprites
    >>> sprites = Sprites()
    >>> truth = Table(sprites.factors(np.arange(len(sprites))), sprites)
    >>> budget = {"n_train": 500, "n_eval": 500, "scores": ["beta_vae", "factor_vae"]}
    >>> all_scores(lambda rows: rows, truth, rng=np.random.default_rng(0), **budget)
    {'beta_vae': 1.0, 'factor_vae': 1.0}
    """
    factors = [dataset.factor_names[column] for column in columns_of(dataset, factors)]
    names = list(SCORES if scores is None else scores)
    for name in names:
        check_choice("scores: a name", name, SCORES)
    check_generator(rng)
    n_train = check_integer("n_train", n_train, minimum=1)
    n_eval = check_integer("n_eval", n_eval, minimum=1)
    entropy = rng.integers(2**63)
    if not isinstance(dataset, Table):
        encode, dataset = tabulate(encode, dataset, progress=progress)
    subject = _Subject(
        encode=encode,
        dataset=dataset,
        factors=factors,
        n_points=n_points,
        n_train=n_train,
        n_eval=n_eval,
        n_bins=n_bins,
        dci_points=dci_points,
        dci_estimators=dci_estimators,
        progress=progress,
    )
    result: dict[str, float] = {}
    for name, score in SCORES.items():
        if name in names:
            found = score(subject, _generator(entropy, name))
            result |= found if isinstance(found, dict) else {name: found}
    return result


def _generator(entropy: np.int64, name: str) -> np.random.Generator:
    """Make the generator of the score with this name; no other name has part in it."""
    seeds = np.random.SeedSequence(int(entropy), spawn_key=tuple(name.encode()))
    return np.random.default_rng(seeds)
