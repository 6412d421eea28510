"""The linear Gaussian model, in which all that the other files approximate is known exactly."""

from dataclasses import dataclass

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.inference.gaussians import LOG_2PI, as_covariance, gaussian_entropy
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.utils import as_vector, check_integer, check_matrix, check_number, covariance_of


@dataclass(frozen=True)
class LinearGaussian:
    """The model z ~ N(0, I), x = z W + mean + noise, with noise ~ N(0, noise_variance I).

    Its marginal and its posterior are Gaussian, so that all that chapter 6 approximates is known
    here exactly (Tipping & Bishop 1999, section 3.1, with rows as samples).

    Attributes
    ----------
    W : (K, D) array
        The decoder.
    mean : (D,) array
    noise_variance : float, > 0

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit or the variance is not above 0.

    Examples
    --------
    One latent that two features share, with as much noise in each:

    >>> model = LinearGaussian(W=np.array([[1.0, 1.0]]), mean=np.zeros(2), noise_variance=1.0)
    >>> means, covariance = model.posterior([[3.0, 0.0]])
    >>> means.round(6), covariance.round(6)  # (3 + 0) / (2 + 1), and 1 / (2 + 1)
    (array([[1.]]), array([[0.333333]]))
    """

    W: FloatArray
    mean: FloatArray
    noise_variance: float

    def __post_init__(self) -> None:
        # A frozen dataclass has no other way to keep what it converted.
        object.__setattr__(self, "W", check_matrix("W", self.W))
        object.__setattr__(self, "mean", as_vector("mean", self.mean, self.W.shape[1]))
        noise_variance = check_number("noise_variance", self.noise_variance, above=0)
        object.__setattr__(self, "noise_variance", noise_variance)

    def log_likelihood(self, X: ArrayLike) -> FloatArray:
        """Compute log p(x) = log N(x | mean, W^T W + noise_variance I) of each row.

        Parameters
        ----------
        X : (N, D)

        Returns
        -------
        (N,) array
            In nats.

        Raises
        ------
        ValueError, TypeError
            If X is not numeric and finite, or has not D features.
        """
        # Along the right singular vectors of W the variances are s^2 + noise_variance, across them
        # noise_variance alone. (As one matrix, little noise would be lost in rounding.)
        _, s, directions = np.linalg.svd(self.W, full_matrices=False)  # (r,), (r, D)
        centred, r, D = self._centred(X), len(s), self.W.shape[1]
        along = centred @ directions.T  # (N, r)
        variances = s**2 + self.noise_variance
        squares = np.sum(along**2 / variances, axis=1)
        if r < D:
            across = centred - along @ directions  # (N, D)
            squares += np.sum(across**2, axis=1) / self.noise_variance
        log_volume = np.sum(np.log(variances)) + (D - r) * np.log(self.noise_variance)
        return -0.5 * (squares + log_volume + D * LOG_2PI)

    def posterior(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Compute the exact posterior p(z | x) = N(z | means_n, covariance) of each row.

        Parameters
        ----------
        X : (N, D)

        Returns
        -------
        means : (N, K)
        covariance : (K, K)
            The same for every row: how sure we are does not depend on what we saw.

        Raises
        ------
        ValueError, TypeError
            As ``log_likelihood`` does.
        """
        # The precision I + W W^T / noise_variance, by the left singular vectors of W.
        K, D = self.W.shape
        U, s, directions = np.linalg.svd(self.W, full_matrices=K > D)  # (K, K), (min(K, D),)
        s = np.append(s, np.zeros(K - len(s)))
        variances = self.noise_variance / (s**2 + self.noise_variance)  # (K,)
        gain = (U[:, :D] * (s / (s**2 + self.noise_variance))[:D]) @ directions[:K]  # (K, D)
        return self._centred(X) @ gain.T, (U * variances) @ U.T

    def log_joint(self, x: ArrayLike, z: ArrayLike) -> FloatArray:
        """Compute log p(x, z) of one row with each of some codes.

        Parameters
        ----------
        x : (D,)
        z : (N, K)

        Returns
        -------
        (N,) array
            In nats.

        Raises
        ------
        ValueError, TypeError
            If an argument is not numeric and finite, or has another shape.
        """
        x = as_vector("x", x, self.W.shape[1])
        z = self._codes("z", z)
        error = x - self.mean - z @ self.W  # (N, D)
        log_p_x = -0.5 * np.sum(error**2 / self.noise_variance + self._log_variance, axis=1)
        return log_p_x - 0.5 * np.sum(z**2 + LOG_2PI, axis=1)

    def elbo(self, X: ArrayLike, means: ArrayLike, covariance: ArrayLike) -> FloatArray:
        """Compute the exact ELBO of each row under q(z) = N(means_n, covariance).

        Parameters
        ----------
        X : (N, D)
        means : (N, K)
        covariance : (K, K), or (K,) for a diagonal one

        Returns
        -------
        (N,) array
            In nats.

        Raises
        ------
        ValueError, TypeError
            If an argument is not numeric and finite, the shapes do not fit or the covariance is
            not positive definite.
        """
        K, D = self.W.shape
        means = self._codes("means", means)
        covariance, factor = as_covariance(covariance, K)
        error = self._centred(X) - means @ self.W
        # E ||x - m - zW||^2: the error at the mean, and the spread of z seen through W.
        spread = np.trace(self.W.T @ covariance @ self.W)
        log_p_x = -0.5 * (
            (np.sum(error**2, axis=1) + spread) / self.noise_variance + D * self._log_variance
        )
        log_p_z = -0.5 * (np.sum(means**2, axis=1) + np.trace(covariance) + K * LOG_2PI)
        return log_p_x + log_p_z + gaussian_entropy(factor)

    @property
    def _log_variance(self) -> float:
        return LOG_2PI + np.log(self.noise_variance)

    def _centred(self, X: ArrayLike) -> FloatArray:
        X = check_matrix("X", X)
        if X.shape[1] != self.W.shape[1]:
            raise ValueError(f"X must have {self.W.shape[1]} features, got {X.shape[1]}")
        return X - self.mean

    def _codes(self, name: str, z: ArrayLike) -> FloatArray:
        z = check_matrix(name, z)
        if z.shape[1] != len(self.W):
            raise ValueError(f"{name} must have {len(self.W)} latents, got {z.shape[1]}")
        return z


def probabilistic_pca(X: ArrayLike, n_components: int) -> LinearGaussian:
    """Fit the linear Gaussian model by maximum likelihood, in closed form.

    sigma^2 is the mean discarded eigenvalue and the rows of W are sqrt(lambda_i - sigma^2) u_i
    (Tipping & Bishop 1999, eq. 7 and 8, with the rotation R = I).

    Parameters
    ----------
    X : (N, D) array
    n_components : int, 1 <= n_components < D

    Returns
    -------
    LinearGaussian

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or if no variance is left for the noise.

    Examples
    --------
    Variances of 2 and 0.5 along the two axes; the larger is explained, the other is noise.

    >>> model = probabilistic_pca([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 1)
    >>> model.noise_variance
    0.5
    >>> np.abs(model.W).round(6)  # the root of 2 - 0.5
    array([[1.224745, 0.      ]])
    """
    X = check_matrix("X", X)
    if X.shape[1] < 2:
        raise ValueError(f"X must have at least 2 features, got {X.shape[1]}")
    n_components = check_integer("n_components", n_components, minimum=1, maximum=X.shape[1] - 1)
    with one_blas_thread():  # several would round in another way
        eigenvalues, U = np.linalg.eigh(covariance_of(X))
    eigenvalues, U = eigenvalues[::-1], U[:, ::-1].T  # largest first; the rows of U are u_i
    noise_variance = float(eigenvalues[n_components:].mean())
    if noise_variance <= 1e-12 * eigenvalues[0]:
        raise ValueError(
            f"X must vary beyond its first {n_components} principal directions, "
            "got no variance there: the likelihood has no maximum"
        )
    stretch = np.sqrt(eigenvalues[:n_components] - noise_variance)
    return LinearGaussian(stretch[:, None] * U[:n_components], X.mean(axis=0), noise_variance)
