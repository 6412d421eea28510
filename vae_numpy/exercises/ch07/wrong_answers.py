"""Answers to chapter 7's exercises as people give them."""

import numpy as np

from vae_numpy.exercises.register import right, wrong
from vae_numpy.inference import probabilistic_pca


def kl_costs(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)


@wrong("7.1", "averaged before their cost")
def of_the_mean_cloud(mu, logvar, threshold=0.01):
    kl = kl_costs(mu.mean(axis=0), logvar.mean(axis=0))
    return kl, kl > threshold


@wrong("7.1", "should not grow with their number")
def summed_over_data(mu, logvar, threshold=0.01):
    kl = kl_costs(mu, logvar).sum(axis=0)
    return kl, kl > threshold


@wrong("7.1", "the 1/2 is missing")
def kl_without_half(mu, logvar, threshold=0.01):
    kl = 2 * kl_costs(mu, logvar).mean(axis=0)
    return kl, kl > threshold


@wrong("7.1", "log of the standard deviation")
def kl_of_log_std(mu, log_std, threshold=0.01):
    kl = kl_costs(mu, 2 * log_std).mean(axis=0)
    return kl, kl > threshold


@wrong("7.1", "not where it lies")
def by_the_means(mu, logvar, threshold=0.01):
    return kl_costs(mu, logvar).mean(axis=0), mu.var(axis=0) > threshold


@wrong("7.1", "wanted one a latent")
def by_datum(mu, logvar, threshold=0.01):
    kl = kl_costs(mu, logvar).sum(axis=1)
    return kl, kl > threshold


@right("7.1")
def latents_in_a_loop(mu, logvar, threshold=0.01):
    kl, s2 = [], np.exp(logvar)
    for k in range(mu.shape[1]):
        kl.append(np.mean(mu[:, k] ** 2 + s2[:, k] - np.log(s2[:, k])) / 2 - 0.5)
    return kl, [one > threshold for one in kl]


@right("7.1")
def kl_in_single_precision(mu, logvar, threshold=0.01):
    kl = kl_costs(mu.astype("f"), logvar.astype("f")).mean(axis=0)
    return kl, kl > threshold


def bernoulli(logits, x):
    return np.logaddexp(0, logits) - x * logits


@wrong("7.2", "beta D times as large")
def mean_of_pixels(logits, x, mu, logvar, beta):
    return bernoulli(logits, x).mean() + beta * kl_costs(mu, logvar).sum(axis=1).mean()


@wrong("7.2", "beta has become beta D / K")
def mean_of_both(logits, x, mu, logvar, beta):
    return bernoulli(logits, x).mean() + beta * kl_costs(mu, logvar).mean()


@wrong("7.2", "grows with the number of rows")
def sum_of_both(logits, x, mu, logvar, beta):
    return bernoulli(logits, x).sum() + beta * kl_costs(mu, logvar).sum()


@wrong("7.2", "the loss is minus that")
def elbo_for_loss(logits, x, mu, logvar, beta):
    return -(bernoulli(logits, x).sum() + beta * kl_costs(mu, logvar).sum()) / len(x)


@wrong("7.2", "e^1000 is infinite")
def overflowing(logits, x, mu, logvar, beta):
    p = 1 / (1 + np.exp(-logits))
    nll = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) / len(x)
    return nll + beta * kl_costs(mu, logvar).sum() / len(x)


@wrong("7.2", "costs too little")
def clipped(logits, x, mu, logvar, beta):
    p = np.clip(1 / (1 + np.exp(-np.clip(logits, -500, 500))), 1e-12, 1 - 1e-12)
    nll = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) / len(x)
    return nll + beta * kl_costs(mu, logvar).sum() / len(x)


@wrong("7.2", "sign is turned")
def black_for_white(logits, x, mu, logvar, beta):
    return (bernoulli(-logits, x).sum() + beta * kl_costs(mu, logvar).sum()) / len(x)


@right("7.2")
def split_at_zero(logits, x, mu, logvar, beta):
    size = np.abs(logits)
    nll = np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-size))
    return nll.sum(axis=1).mean() + beta * kl_costs(mu, logvar).sum(axis=1).mean()


@wrong("7.3", "dmu: the 1/N is missing")
def of_one_cloud(mu, logvar):
    return mu, (np.exp(logvar) - 1) / 2


@wrong("7.3", "dlogvar: the 1/N is missing")
def half_of_it(mu, logvar):
    return mu / len(mu), (np.exp(logvar) - 1) / 2


@wrong("7.3", "derivative in the variance")
def in_the_variance(mu, logvar):
    return mu / len(mu), 0.5 * (1 - 1 / np.exp(logvar)) / len(mu)


@wrong("7.3", "derivative in the standard deviation")
def in_the_deviation(mu, logvar):
    s = np.exp(logvar / 2)
    return mu / len(mu), (s - 1 / s) / len(mu)


@wrong("7.3", "read as log s")
def as_log_deviation(mu, logvar):
    return mu / len(mu), (np.exp(2 * logvar) - 1) / len(mu)


@wrong("7.3", "keep")
def without_the_log(mu, logvar):
    return mu / len(mu), 0.5 * np.exp(logvar) / len(mu)


@right("7.3")
def entry_by_entry(mu, logvar):
    dmu, dv = [], []
    for means, logs in zip(mu, logvar, strict=True):
        dmu.append([m / len(mu) for m in means])
        dv.append([np.expm1(v) / len(mu) / 2 for v in logs])
    return dmu, dv


@right("7.3")
def in_single_precision(mu, logvar):
    mu, logvar = mu.astype("f"), logvar.astype("f")
    return mu / len(mu), (np.exp(logvar) - 1) / np.float32(2 * len(mu))


class Cloud:
    """A right one, to be spoilt below."""

    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.s = np.exp(0.5 * logvar)
        self.eps = self.rng.standard_normal(mu.shape)
        return mu + self.s * self.eps

    def backward(self, dz):
        return dz, 0.5 * dz * self.s * self.eps


@wrong("7.4", "fresh noise is drawn on the way back")
class Redraws(Cloud):
    def backward(self, dz):
        return dz, 0.5 * dz * self.s * self.rng.standard_normal(dz.shape)


@wrong("7.4", "drawn once and used for ever")
class Reuses(Cloud):
    def forward(self, mu, logvar):
        self.rng = np.random.default_rng(0)
        return super().forward(mu, logvar)


@wrong("7.4", "variance is used as the standard deviation")
class VarianceForDeviation(Cloud):
    def forward(self, mu, logvar):
        return super().forward(mu, 2 * logvar)


@wrong("7.4", "the 1/2 is missing")
class WithoutHalf(Cloud):
    def backward(self, dz):
        return dz, dz * self.s * self.eps


@wrong("7.4", "eps is missing")
class WithoutEps(Cloud):
    def backward(self, dz):
        return dz, 0.5 * dz * self.s


@wrong("7.4", "without noise there is no cloud")
class MeanOnly(Cloud):
    def forward(self, mu, logvar):
        super().forward(mu, logvar)
        return mu + 0.0


@wrong("7.4", "all rows share one noise")
class OneRow(Cloud):
    def forward(self, mu, logvar):
        self.s = np.exp(0.5 * logvar)
        self.eps = self.rng.standard_normal(mu.shape[1])
        return mu + self.s * self.eps


@right("7.4")
class KeepsZ:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.mu, self.z = mu, self.rng.normal(mu, np.sqrt(np.exp(logvar)))
        return self.z

    def backward(self, dz):
        return dz.copy(), (self.z - self.mu) / 2 * dz


def likelihood_count(reconstruction):
    return 2.0 if reconstruction == "squared_error" else 1.0


@wrong("7.5", "counts -log p of a unit Gaussian twice")
def no_half(kl_weight, D, K, reconstruction, mean_D, mean_K):
    return kl_weight * (D if mean_D else 1) / (K if mean_K else 1)


@wrong("7.5", "the 1/2 goes the other way")
def doubled(kl_weight, D, K, reconstruction, mean_D, mean_K):
    return likelihood_count(reconstruction) * no_half(kl_weight, D, K, None, mean_D, mean_K)


@wrong("7.5", "upside down")
def upside_down(kl_weight, D, K, reconstruction, mean_D, mean_K):
    beta = kl_weight / (D if mean_D else 1) * (K if mean_K else 1)
    return beta / likelihood_count(reconstruction)


@wrong("7.5", "beta_norm")
def normed(kl_weight, D, K, reconstruction, mean_D, mean_K):
    return kl_weight * K / D


@wrong("7.5", "K is on the wrong side")
def both_multiply(kl_weight, D, K, reconstruction, mean_D, mean_K):
    beta = kl_weight * (D if mean_D else 1) * (K if mean_K else 1)
    return beta / likelihood_count(reconstruction)


@wrong("7.5", "that is missing")
def ignores_latents(kl_weight, D, K, reconstruction, mean_D, mean_K):
    return kl_weight * (D if mean_D else 1) / likelihood_count(reconstruction)


@right("7.5")
def as_factors(kl_weight, D, K, reconstruction, mean_D, mean_K):
    beta = (
        kl_weight * {"squared_error": 0.5, "half_squared_error": 1, "bernoulli": 1}[reconstruction]
    )
    return beta * D**mean_D * K ** -float(mean_K)


def normal_parts(x_hat, x, v):
    N, D = x.shape
    return N, D, np.sum((x_hat - x) ** 2) / N / np.exp(v)


def right_parts(x_hat, x, v):
    N, D, q = normal_parts(x_hat, x, v)
    return q / 2 + D / 2 * (np.log(2 * np.pi) + v), (x_hat - x) / np.exp(v) / N, (D - q) / 2


@wrong("7.6", "best variance is infinite")
def weighted_error(x_hat, x, v):
    N, D, q = normal_parts(x_hat, x, v)
    return q / 2, (x_hat - x) / np.exp(v) / N, -q / 2


@wrong("7.6", "each of the D features has its own")
def one_normaliser(x_hat, x, v):
    N, D, q = normal_parts(x_hat, x, v)
    return q / 2 + 0.5 * (np.log(2 * np.pi) + v), (x_hat - x) / np.exp(v) / N, 0.5 - q / 2


@wrong("7.6", "taken for log sigma;")
def log_sigma(x_hat, x, v):
    return right_parts(x_hat, x, 2 * v)


@wrong("7.6", "not divided by the variance")
def bare_error(x_hat, x, v):
    loss, dx_hat, slope = right_parts(x_hat, x, v)
    return loss, dx_hat * np.exp(v), slope


@wrong("7.6", "derivative in sigma^2")
def in_sigma_squared(x_hat, x, v):
    loss, dx_hat, slope = right_parts(x_hat, x, v)
    return loss, dx_hat, slope / np.exp(v)


@wrong("7.6", "D/2, is missing")
def slope_without_normaliser(x_hat, x, v):
    N, D, q = normal_parts(x_hat, x, v)
    return *right_parts(x_hat, x, v)[:2], -q / 2


@wrong("7.6", "D is missing")
def mean_slope(x_hat, x, v):
    loss, dx_hat, slope = right_parts(x_hat, x, v)
    return loss, dx_hat, slope / x.shape[1]


@right("7.6")
def one_number_at_a_time(x_hat, x, v):
    N, loss, slope, dx_hat = len(x), 0.0, 0.0, np.zeros(x.shape)
    for index, value in np.ndenumerate(x):
        error = x_hat[index] - value
        loss += (error**2 * np.exp(-v) + v + np.log(2 * np.pi)) / 2 / N
        slope += (1 - error**2 * np.exp(-v)) / 2 / N
        dx_hat[index] = error * np.exp(-v) / N
    return loss, dx_hat, slope


def step_with(x, eps, V, c, W, b, variance, s, ds, kl, dkl):
    """A step whose deviation, KL and their slopes in v are functions of v."""
    (N, K), D = eps.shape, x.shape[1]
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    z = mu + s(v) * eps
    error = z @ W + b - x
    loss = np.sum(error**2) / (2 * N * variance) + D / 2 * np.log(2 * np.pi * variance)
    loss += np.sum(0.5 * mu**2 + kl(v)) / N
    dx_hat = error / (N * variance)
    dz = dx_hat @ W.T
    dh = np.hstack([dz + mu / N, dz * eps * ds(v) + dkl(v) / N])
    return loss, x.T @ dh, dh.sum(axis=0), z.T @ dx_hat, dx_hat.sum(axis=0)


def half_exp(v):
    return np.exp(v / 2) / 2


def root_exp(v):
    return np.exp(v / 2)


def fee(v):
    return 0.5 * (np.exp(v) - 1 - v)


def fee_slope(v):
    return 0.5 * (np.exp(v) - 1)


def narrow_fee(v):
    """The fee for a cloud whose deviation is exp(v)."""
    return fee(2 * v)


def narrow_slope(v):
    return 2 * fee_slope(2 * v)


@wrong("7.7", "of another width than the one that is drawn")
def tidied_only(x, eps, V, c, W, b, variance):
    return step_with(x, eps, V, c, W, b, variance, root_exp, half_exp, narrow_fee, narrow_slope)


@wrong("7.7", "now both read v as log s")
def drawn_to_fit_the_fee(x, eps, V, c, W, b, variance):
    return step_with(x, eps, V, c, W, b, variance, np.exp, np.exp, narrow_fee, narrow_slope)


@wrong("7.7", "still that of exp(2 v) - 2 v")
def forward_mended(x, eps, V, c, W, b, variance):
    return step_with(x, eps, V, c, W, b, variance, root_exp, half_exp, fee, narrow_slope)


@wrong("7.7", "twice too large")
def half_forgotten(x, eps, V, c, W, b, variance):
    return step_with(
        x, eps, V, c, W, b, variance, root_exp, half_exp, fee, lambda v: 2 * fee_slope(v)
    )


@wrong("7.7", "half of it")
def sample_slope_of_log_s(x, eps, V, c, W, b, variance):
    return step_with(x, eps, V, c, W, b, variance, root_exp, root_exp, fee, fee_slope)


@right("7.7")
def with_a_root(x, eps, V, c, W, b, variance):
    return step_with(
        x, eps, V, c, W, b, variance, lambda v: np.sqrt(np.exp(v)), half_exp, fee, fee_slope
    )


@right("7.7")
def datum_by_datum(x, eps, V, c, W, b, variance):
    each = [
        step_with(
            x[n : n + 1], eps[n : n + 1], V, c, W, b, variance, root_exp, half_exp, fee, fee_slope
        )
        for n in range(len(x))
    ]
    return tuple(np.mean([one[i] for one in each], axis=0) for i in range(5))


def known_answer(X, k, variance=None, width=1.0):
    """The exact posterior of probabilistic PCA's decoder, to be spoilt below."""
    model = probabilistic_pca(X, k)
    noise = model.noise_variance if variance is None else variance
    s2 = noise / (noise + np.sum(model.W**2, axis=1))
    A = model.W.T * s2 / noise
    c = np.concatenate([-model.mean @ A, width * np.log(s2)])
    return np.hstack([A, 0 * A]), c, model.W, model.mean, noise


@wrong("7.8", "sigma^2 does not fit")
def variance_left_at_one(X, k, rng):
    return known_answer(X, k, variance=1.0)


@wrong("7.8", "wrong width")
def width_of_another_sampler(X, k, rng):
    return known_answer(X, k, width=0.5)


@wrong("7.8", "all latents are dead")
def collapsed(X, k, rng):
    D = X.shape[1]
    V, W = np.zeros((D, 2 * k)), np.zeros((k, D))
    return V, np.zeros(2 * k), W, X.mean(axis=0), X.var(axis=0).mean()


@wrong("7.8", "not there yet")
def the_wrong_directions(X, k, rng):
    D = X.shape[1]
    model = probabilistic_pca(X[:, ::-1] * np.maximum(1, np.arange(D) - D + 4), k)
    W = model.W
    noise = np.mean((X - X.mean(axis=0)) ** 2) / 2
    for _ in range(200):  # sigma^2 and the clouds fit these directions
        s2 = noise / (noise + np.sum(W**2, axis=1))
        A = W.T * s2 / noise
        off = (X - X.mean(axis=0)) @ (np.eye(X.shape[1]) - A @ W)
        noise = (np.mean(np.sum(off**2, axis=1)) + s2 @ np.sum(W**2, axis=1)) / X.shape[1]
    c = np.concatenate([-X.mean(axis=0) @ A, np.log(s2)])
    return np.hstack([A, 0 * A]), c, W, X.mean(axis=0), noise


@wrong("7.8", "c: returns an array of shape (2,)")
def means_only(X, k, rng):
    V, c, *decoder = known_answer(X, k)
    return V, c[:k], *decoder


@right("7.8")
def in_closed_form(X, k, rng):
    return known_answer(X, k)


@right("7.8")
def turning_to_the_answer(X, k, rng):
    # Expectation and maximisation by turns (Tipping & Bishop 1999), then the principal directions.
    Xc = X - X.mean(axis=0)
    C, W, noise = Xc.T @ Xc / len(X), rng.normal(size=(k, X.shape[1])) * X.std(), X.var()
    for _ in range(400):
        S = np.linalg.inv(np.eye(k) + W @ W.T / noise)
        A = W.T @ S / noise
        W = np.linalg.solve(S + A.T @ C @ A, A.T @ C)
        noise = np.trace(C - C @ A @ W) / X.shape[1]
    W = np.linalg.svd(W @ W.T)[0].T @ W
    s2 = 1 / (1 + np.sum(W**2, axis=1) / noise)
    A = W.T * s2 / noise
    return (
        np.hstack([A, 0 * A]),
        np.append(-X.mean(axis=0) @ A, np.log(s2)),
        W,
        X.mean(axis=0),
        noise,
    )
