"""The linear Gaussian model, in which all that the other files approximate is known exactly."""

from dataclasses import dataclass

import numpy as np

from vae_numpy.inference.gaussians import LOG_2PI, as_covariance, gaussian_entropy, log_normal
from vae_numpy.utils import as_vector, check_integer, check_matrix, check_number


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
    """

    W: np.ndarray
    mean: np.ndarray
    noise_variance: float

    def __post_init__(self):
        # A frozen dataclass has no other way to keep what it converted.
        object.__setattr__(self, "W", check_matrix("W", self.W))
        object.__setattr__(self, "mean", as_vector("mean", self.mean, self.W.shape[1]))
        check_number("noise_variance", self.noise_variance, above=0)

    def log_likelihood(self, X):
        """Compute log p(x) = log N(x | mean, W^T W + noise_variance I) of each row: (N,)."""
        C = self.W.T @ self.W + self.noise_variance * np.eye(self.W.shape[1])  # (D, D)
        return log_normal(self._centred(X), np.linalg.cholesky(C))

    def posterior(self, X):
        """Compute the exact posterior p(z | x) = N(z | means_n, covariance) of each row.

        Returns
        -------
        means : (N, K)
        covariance : (K, K)
            The same for every row: how sure we are does not depend on what we saw.
        """
        precision = np.eye(len(self.W)) + self.W @ self.W.T / self.noise_variance
        covariance = np.linalg.inv(precision)
        return self._centred(X) @ self.W.T @ covariance / self.noise_variance, covariance

    def log_joint(self, x, z):
        """Compute log p(x, z) of one row x (D,) with each of the codes z (N, K): (N,)."""
        x = as_vector("x", x, self.W.shape[1])
        z = self._codes("z", z)
        error = x - self.mean - z @ self.W  # (N, D)
        log_p_x = -0.5 * np.sum(error**2 / self.noise_variance + self._log_variance, axis=1)
        return log_p_x - 0.5 * np.sum(z**2 + LOG_2PI, axis=1)

    def elbo(self, X, means, covariance):
        """Compute the exact ELBO of each row under q(z) = N(means_n, covariance): (N,).

        Parameters
        ----------
        X : (N, D)
        means : (N, K)
        covariance : (K, K), or (K,) for a diagonal one
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
    def _log_variance(self):
        return LOG_2PI + np.log(self.noise_variance)

    def _centred(self, X):
        X = check_matrix("X", X)
        if X.shape[1] != self.W.shape[1]:
            raise ValueError(f"X must have {self.W.shape[1]} features, got {X.shape[1]}")
        return X - self.mean

    def _codes(self, name, z):
        z = check_matrix(name, z)
        if z.shape[1] != len(self.W):
            raise ValueError(f"{name} must have {len(self.W)} latents, got {z.shape[1]}")
        return z


def probabilistic_pca(X, n_components):
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
    """
    X = check_matrix("X", X)
    if X.shape[1] < 2:
        raise ValueError(f"X must have at least 2 features, got {X.shape[1]}")
    check_integer("n_components", n_components, minimum=1, maximum=X.shape[1] - 1)
    mean = X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh((X - mean).T @ (X - mean) / len(X))
    eigenvalues, U = eigenvalues[::-1], U[:, ::-1].T  # largest first; the rows of U are u_i
    noise_variance = float(eigenvalues[n_components:].mean())
    if noise_variance <= 1e-12 * eigenvalues[0]:
        raise ValueError(
            f"X must vary beyond its first {n_components} principal directions, "
            "got no variance there: the likelihood has no maximum"
        )
    stretch = np.sqrt(eigenvalues[:n_components] - noise_variance)
    return LinearGaussian(stretch[:, None] * U[:n_components], mean, noise_variance)
