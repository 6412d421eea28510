"""Every disentanglement score of one encoder, from one pass over its data set."""

from vae_numpy.metrics.beta_vae import beta_vae_score
from vae_numpy.metrics.dci import dci
from vae_numpy.metrics.factor_vae import factor_vae_score
from vae_numpy.metrics.mig import mig
from vae_numpy.metrics.modularity import modularity
from vae_numpy.metrics.sampling import Table, columns_of, sample_codes, tabulate
from vae_numpy.metrics.sap import sap
from vae_numpy.utils import check_choice, check_generator

SCORES = ("beta_vae", "factor_vae", "mig", "modularity", "sap", "dci")


def all_scores(
    encode,
    dataset,
    *,
    rng,
    factors=None,
    scores=SCORES,
    n_points=10_000,
    n_train=10_000,
    n_eval=5_000,
    n_bins=20,
    dci_points=1_500,
    dci_estimators=100,
    progress=False,
):
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
        Each score draws from its own child of it: leaving one out changes no other.
    factors : list of str, optional
        The factors that count, by name; all of them if None. The others vary freely.
    scores : sequence of str
        Which to compute, of ``SCORES``. Without "dci" it takes a fraction of the time.
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
    """
    columns = columns_of(dataset, factors)
    for name in scores:
        check_choice("scores: a name", name, SCORES)
    check_generator(rng)
    if not isinstance(dataset, Table):
        encode, dataset = tabulate(encode, dataset, progress=progress)
    rngs = dict(zip(SCORES, rng.spawn(len(SCORES)), strict=True))

    def sampled(name, n):
        codes, factors = sample_codes(encode, dataset, n, rng=rngs[name])
        return codes, factors[:, columns]

    budget = {"factors": factors, "n_train": n_train, "n_eval": n_eval, "progress": progress}
    result = {}
    if "beta_vae" in scores:
        result["beta_vae"] = beta_vae_score(encode, dataset, rng=rngs["beta_vae"], **budget)
    if "factor_vae" in scores:
        result["factor_vae"] = factor_vae_score(encode, dataset, rng=rngs["factor_vae"], **budget)
    if "mig" in scores:
        result["mig"] = mig(*sampled("mig", n_points), n_bins=n_bins)
    if "modularity" in scores:
        result["modularity"] = modularity(*sampled("modularity", n_points), n_bins=n_bins)
    if "sap" in scores:
        share = n_eval / (n_train + n_eval)
        points = sampled("sap", n_train + n_eval)
        result["sap"] = sap(*points, test_fraction=share, progress=progress)
    if "dci" in scores:
        points = sampled("dci", dci_points)
        found = dci(*points, rng=rngs["dci"], n_estimators=dci_estimators, progress=progress)
        for part in ("disentanglement", "completeness", "informativeness"):
            result[f"dci_{part}"] = getattr(found, part)
    return result
