"""Wrong answers to chapter 7's exercises, written from their statements."""
# ruff: noqa: NPY002 - one of the mistakes is to draw from NumPy's global generator

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake

judged_otherwise("7.8", "a training has no one right value: its ELBO is compared with the best")


@mistake(
    "7.1", "the mean over the data is taken before the cost", told="averaged before their cost"
)
def mean_first(mu, logvar, threshold=0.01):
    m, v = mu.mean(axis=0), logvar.mean(axis=0)
    kl = 0.5 * (m**2 + np.exp(v) - 1 - v)
    return kl, kl > threshold


@mistake("7.1", "alive goes by the share of all nats, not by nats", told="share of all the nats")
def alive_by_share(mu, logvar, threshold=0.01):
    kl = np.mean(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar), axis=0)
    alive = kl / kl.sum() > threshold
    return kl, alive


@mistake("7.1", "a sum over the data in the place of the mean", told="a sum over the data")
def summed_over_data(mu, logvar, threshold=0.01):
    kl = np.sum(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar), axis=0)
    return kl, kl > threshold


@mistake("7.1", "the mean is over the latents: one number a datum", told="each datum gets a number")
def one_for_each_datum(mu, logvar, threshold=0.01):
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=1)
    return kl, kl > threshold


@mistake("7.1", "logvar is taken for log s, not log s^2", told="log of the standard deviation")
def logvar_as_log_deviation(mu, logvar, threshold=0.01):
    s = np.exp(logvar)
    kl = 0.5 * (mu**2 + s**2 - 1 - np.log(s**2))
    kl = kl.mean(axis=0)
    return kl, kl > threshold


@mistake("7.1", "the threshold is hard-coded at 0.01", told="is not used, 0.01 is")
def threshold_hard_coded(mu, logvar, threshold=0.01):
    kl = 0.5 * np.mean(mu**2 + np.exp(logvar) - 1 - logvar, axis=0)
    return kl, kl > 0.01


@mistake(
    "7.1",
    "alive if any one datum is above the threshold, not the mean",
    told="one datum above the threshold is enough",
)
def alive_if_any_datum(mu, logvar, threshold=0.01):
    cost = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    return cost.mean(axis=0), (cost > threshold).any(axis=0)


@mistake(
    "7.2",
    "beta multiplies the reconstruction, not the KL",
    told="beta multiplies the reconstruction",
)
def beta_at_the_wrong_term(logits, x, mu, logvar, beta):
    nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(beta * nll + kl)


@mistake("7.2", "beta multiplies the whole loss", told="beta multiplies the whole loss")
def beta_at_both_terms(logits, x, mu, logvar, beta):
    nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    return beta * np.mean(nll + kl)


@mistake("7.2", "exp overflows for large logits", told="e^1000 is infinite")
def exp_overflows(logits, x, mu, logvar, beta):
    nll = np.sum(np.log(1 + np.exp(logits)) - x * logits, axis=1)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(nll + beta * kl)


@mistake(
    "7.2",
    "the probabilities are clipped: a sure and wrong pixel costs too little",
    told="the probabilities are clipped",
)
def clipped_probabilities(logits, x, mu, logvar, beta):
    p = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    p = np.clip(p, 1e-7, 1 - 1e-7)
    nll = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(nll + beta * kl)


@mistake(
    "7.2",
    "a mean over the features in the place of the sum",
    told="the reconstruction is a mean over the features",
)
def mean_over_pixels(logits, x, mu, logvar, beta):
    nll = np.mean(np.logaddexp(0, logits) - x * logits)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1).mean()
    return nll + beta * kl


@mistake("7.2", "the KL has the wrong sign", told="the KL is subtracted")
def kl_subtracted(logits, x, mu, logvar, beta):
    nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
    kl = 0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)  # forgets the minus in front
    return np.mean(nll + beta * kl)


@mistake(
    "7.2",
    "log(1 + e^a) costs log 2 too much for large positive logits: min(a, 0) for -|a|",
    told="goes with log(1 + e^-|a|)",
)
def min_for_minus_abs(logits, x, mu, logvar, beta):
    nll = np.maximum(logits, 0) - x * logits + np.log1p(np.exp(np.minimum(logits, 0)))
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar)
    return (nll.sum() + beta * kl) / len(x)


@mistake("7.3", "the derivative in s^2, not in log s^2", told="derivative in the variance")
def derivative_in_variance(mu, logvar):
    n = len(mu)
    return mu / n, 0.5 * (1 - 1 / np.exp(logvar)) / n


@mistake("7.3", "the derivative in s, not in log s^2", told="derivative in the standard deviation")
def derivative_in_deviation(mu, logvar):
    s = np.exp(0.5 * logvar)
    return mu / len(mu), (s - 1 / s) / len(mu)


@mistake("7.3", "divided by N K: a mean over latents too", told="divided by K too")
def divided_by_size(mu, logvar):
    return mu / mu.size, (np.exp(logvar) - 1) / (2 * mu.size)


@mistake("7.3", "not divided by N", told="the 1/N is missing")
def for_one_cloud(mu, logvar):
    return mu, 0.5 * (np.exp(logvar) - 1)


@mistake("7.3", "the 1/2 is missing in dlogvar", told="the 1/2 is missing")
def half_lost(mu, logvar):
    n = len(mu)
    return mu / n, (np.exp(logvar) - 1) / n


@mistake("7.3", "divided by K in the place of N", told="divided by K, the number of columns")
def divided_by_latents(mu, logvar):
    k = mu.shape[1]
    return mu / k, (np.exp(logvar) - 1) / (2 * k)


@mistake(
    "7.3", "averaged over the batch: one row in the place of N", told="averaged over the batch"
)
def batch_averaged_away(mu, logvar):
    return mu.mean(axis=0), (0.5 * (np.exp(logvar) - 1)).mean(axis=0)


@mistake("7.4", "the KL's gradient is added in backward", told="the KL's part is added")
class KLInBackward:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.mu, self.logvar = mu, logvar
        self.eps = self.rng.standard_normal(mu.shape)
        return mu + np.exp(logvar / 2) * self.eps

    def backward(self, dz):
        n = len(dz)
        dmu = dz + self.mu / n
        dlogvar = dz * self.eps * np.exp(self.logvar / 2) / 2 + (np.exp(self.logvar) - 1) / (2 * n)
        return dmu, dlogvar


@mistake("7.4", "fresh noise in backward", told="fresh noise is drawn on the way back")
class FreshNoiseBackward:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.s = np.exp(logvar / 2)
        return mu + self.s * self.rng.standard_normal(mu.shape)

    def backward(self, dz):
        eps = self.rng.standard_normal(dz.shape)
        return dz, dz * 0.5 * self.s * eps


@mistake(
    "7.4",
    "the noise is multiplied by s^2, not by s",
    told="the variance is used as the standard deviation",
)
class TimesVariance:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.eps = self.rng.standard_normal(mu.shape)
        self.s = np.exp(logvar)
        return mu + self.s * self.eps

    def backward(self, dz):
        return dz, dz * self.s * self.eps


@mistake("7.4", "the 1/2 is missing in dlogvar", told="the 1/2 is missing")
class NoHalfBackward:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.noise = np.exp(logvar / 2) * self.rng.standard_normal(mu.shape)
        return mu + self.noise

    def backward(self, dz):
        return dz, dz * self.noise


@mistake("7.4", "the noise is drawn once and used for ever", told="drawn once and used for ever")
class NoiseDrawnOnce:
    def __init__(self, rng):
        self.rng = rng
        self.eps = None

    def forward(self, mu, logvar):
        if self.eps is None or self.eps.shape != mu.shape:
            self.eps = self.rng.standard_normal(mu.shape)
        self.s = np.exp(logvar / 2)
        return mu + self.s * self.eps

    def backward(self, dz):
        return dz, dz * self.s * self.eps / 2


@mistake(
    "7.4",
    "the noise comes from NumPy's global generator, not from rng",
    told="the global random state changed",
)
class GlobalNoise:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.eps = np.random.randn(*mu.shape)
        self.s = np.exp(logvar / 2)
        return mu + self.s * self.eps

    def backward(self, dz):
        return dz, dz * self.s * self.eps / 2


@mistake("7.4", "one draw for all rows: eps has shape (K,)", told="all rows share one noise")
class OneNoiseForAllRows:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.spread = np.exp(logvar / 2) * self.rng.standard_normal(mu.shape[1])
        return mu + self.spread

    def backward(self, dz):
        return dz, 0.5 * dz * self.spread


@mistake("7.4", "forward changes the caller's mu", told="mu is changed in place")
class MovesTheMean:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, mu, logvar):
        self.spread = np.exp(logvar / 2) * self.rng.standard_normal(mu.shape)
        mu += self.spread
        return mu

    def backward(self, dz):
        return dz, 0.5 * dz * self.spread


@mistake(
    "7.5",
    "the mean over features divides beta by D, which multiplies it",
    told="D is on the wrong side",
)
def features_the_wrong_way(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight
    if reconstruction == "squared_error":
        beta /= 2
    if mean_over_features:
        beta /= n_features
    if mean_over_latents:
        beta /= n_latents
    return beta


@mistake(
    "7.5",
    "the mean over latents multiplies beta by K, which divides it",
    told="K is on the wrong side",
)
def latents_the_wrong_way(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight
    if reconstruction == "squared_error":
        beta /= 2
    if mean_over_features:
        beta *= n_features
    if mean_over_latents:
        beta *= n_latents
    return beta


@mistake(
    "7.5", "the squared error doubles beta, which it halves", told="the 1/2 goes the other way"
)
def doubled_for_squared_error(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    factor = 2 if reconstruction == "squared_error" else 1
    d = n_features if mean_over_features else 1
    k = n_latents if mean_over_latents else 1
    return factor * kl_weight * d / k


@mistake(
    "7.5", "the kind of reconstruction is not looked at", told="a squared error without 1/2 counts"
)
def reconstruction_ignored(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight
    if mean_over_features:
        beta = beta * n_features
    if mean_over_latents:
        beta = beta / n_latents
    return beta


@mistake(
    "7.5",
    "beta is halved for half the squared error, not for the squared error",
    told="half of the squared error is -log p",
)
def halves_swapped(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight
    if reconstruction == "half_squared_error":
        beta = 0.5 * beta
    if mean_over_features:
        beta *= n_features
    if mean_over_latents:
        beta /= n_latents
    return beta


@mistake(
    "7.5",
    "with both means, only the one over features is counted (elif)",
    told="only the one over the features is counted",
)
def only_one_mean_at_a_time(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight / 2 if reconstruction == "squared_error" else kl_weight
    if mean_over_features:
        beta *= n_features
    elif mean_over_latents:
        beta /= n_latents
    return beta


@mistake("7.5", "D = 784 and K = 20 of the example are hard-coded", told="784 and 20")
def sizes_of_the_example(
    kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
):
    beta = kl_weight / 2 if reconstruction == "squared_error" else kl_weight
    if mean_over_features:
        beta *= 28 * 28
    if mean_over_latents:
        beta /= 20
    return beta


@mistake("7.6", "the normaliser is left out, and its gradient", told="log sigma^2 is missing")
def no_normaliser(x_hat, x, log_variance):
    variance = np.exp(log_variance)
    n = len(x)
    loss = np.sum((x_hat - x) ** 2) / (2 * variance * n)
    return loss, (x_hat - x) / (variance * n), -loss


@mistake("7.6", "log 2 pi is added once, not D times", told="log 2 pi is counted once")
def two_pi_once(x_hat, x, log_variance):
    n, d = x.shape
    variance = np.exp(log_variance)
    error = np.sum((x_hat - x) ** 2, axis=1)
    loss = np.mean(error / (2 * variance)) + 0.5 * np.log(2 * np.pi) + d / 2 * log_variance
    return loss, (x_hat - x) / (variance * n), d / 2 - np.mean(error) / (2 * variance)


@mistake("7.6", "the gradient in sigma^2, not in log sigma^2", told="the derivative in sigma^2")
def gradient_in_variance(x_hat, x, log_variance):
    n, d = x.shape
    variance = np.exp(log_variance)
    squared = np.sum((x_hat - x) ** 2) / n
    loss = squared / (2 * variance) + d / 2 * np.log(2 * np.pi * variance)
    dvariance = d / (2 * variance) - squared / (2 * variance**2)
    return loss, (x_hat - x) / (n * variance), dvariance


@mistake("7.6", "dx_hat is not divided by N", told="dx_hat: the 1/N is missing")
def gradient_of_each_datum(x_hat, x, log_variance):
    d = x.shape[1]
    variance = np.exp(log_variance)
    squared = np.sum((x_hat - x) ** 2, axis=1).mean()
    loss = 0.5 * (squared / variance + d * np.log(2 * np.pi) + d * log_variance)
    return loss, (x_hat - x) / variance, 0.5 * (d - squared / variance)


@mistake("7.6", "log_variance is taken for log sigma", told="taken for log sigma;")
def log_variance_as_log_sigma(x_hat, x, log_variance):
    n, d = x.shape
    sigma = np.exp(log_variance)
    squared = np.sum((x_hat - x) ** 2) / n
    loss = squared / (2 * sigma**2) + d / 2 * np.log(2 * np.pi * sigma**2)
    return loss, (x_hat - x) / (n * sigma**2), d - squared / sigma**2


@mistake(
    "7.6", "a mean over the features in the place of the sum", told="a mean over the features too"
)
def mean_over_features(x_hat, x, log_variance):
    variance = np.exp(log_variance)
    mse = np.mean((x_hat - x) ** 2)
    loss = 0.5 * (mse / variance + np.log(2 * np.pi) + log_variance)
    return loss, (x_hat - x) / (x.size * variance), 0.5 * (1 - mse / variance)


@mistake("7.6", "the sign of dx_hat is turned round", told="dx_hat: the sign is turned")
def data_minus_mean(x_hat, x, log_variance):
    n, d = x.shape
    error = x - x_hat
    variance = np.exp(log_variance)
    squared = np.sum(error**2) / n
    loss = squared / (2 * variance) + d / 2 * (np.log(2 * np.pi) + log_variance)
    return loss, error / (n * variance), d / 2 - squared / (2 * variance)


@mistake(
    "7.7",
    "nothing is mended: the KL is still that of a cloud with deviation e^v",
    told="of another width than the one that is drawn",
)
def line_deleted_only(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + np.exp(2 * v) - 1 - 2 * v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(2 * v) - 1) / N
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.7",
    "the KL is mended, but its derivative is the old one",
    told="still that of exp(2 v) - 2 v",
)
def forward_mended_only(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + np.exp(v) - 1 - v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(2 * v) - 1) / N
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.7",
    "the noise is made to fit the wrong KL: v becomes log s, not log s^2",
    told="both read v as log s;",
)
def sampler_mended_instead(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + np.exp(2 * v) - 1 - 2 * v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s + (s**2 - 1) / N
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.7",
    "e^(2v) is mended in the KL, and 2v is left",
    told="the logarithm in the KL is still 2 v",
)
def exponential_mended_only(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + np.exp(v) - 1 - 2 * v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(v) - 2) / (2 * N)
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.7", "2v is mended in the KL, and e^(2v) is left", told="exp(2 v) still stands in the KL"
)
def logarithm_mended_only(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + np.exp(2 * v) - 1 - v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (2 * np.exp(2 * v) - 1) / (2 * N)
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake("7.7", "the KL gets s where s^2 belongs", told="s stands in the KL in the place of s^2")
def kl_with_deviation(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * (np.sum(error**2) / (N * variance) + x.shape[1] * np.log(2 * np.pi * variance))
    kl = 0.5 * np.sum(mu**2 + s - 1 - v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (s / 2 - 1) / (2 * N)
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.7",
    "the normaliser of the decoder's noise is thrown out, and the KL is not mended",
    told="the normaliser of p(x | z) is gone",
)
def normaliser_blamed(x, eps, V, c, W, b, variance):
    N, K = eps.shape
    h = x @ V + c
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x
    nll = 0.5 * np.sum(error**2) / (N * variance)
    kl = 0.5 * np.sum(mu**2 + np.exp(2 * v) - 1 - 2 * v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(2 * v) - 1) / N
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


@mistake(
    "7.8",
    "the mean is not undone: the encoder's and the decoder's offset are 0",
    told="the mean that was taken off is not undone",
)
def mean_not_undone(X, k, rng):
    Y = X - X.mean(axis=0)
    d = X.shape[1]
    values, U = np.linalg.eigh(Y.T @ Y / len(Y))
    values, U = values[::-1], U[:, ::-1]
    variance = values[k:].mean()
    W = (U[:, :k] * np.sqrt(values[:k] - variance)).T
    A = W.T @ np.linalg.inv(W @ W.T + variance * np.eye(k))
    V = np.hstack([A, np.zeros((d, k))])
    c = np.concatenate([np.zeros(k), np.log(variance / values[:k])])
    return V, c, W, np.zeros(d), variance


@mistake(
    "7.8",
    "the unit is not undone: all is returned for the standardised points",
    told="the unit that was divided out is not undone",
)
def unit_not_undone(X, k, rng):
    mean = X.mean(axis=0)
    unit = (X - mean).std()
    Y = (X - mean) / unit
    values, U = np.linalg.eigh(Y.T @ Y / len(Y))
    values, U = values[::-1], U[:, ::-1]
    variance = values[k:].mean()
    W = (U[:, :k] * np.sqrt(values[:k] - variance)).T
    A = W.T @ np.linalg.inv(W @ W.T + variance * np.eye(k))
    V = np.hstack([A, np.zeros((X.shape[1], k))])
    c = np.concatenate([-mean @ A, np.log(variance / values[:k])])
    return V, c, W, mean, variance


@mistake("7.8", "sigma^2 is the squared error over D, not over D - k", told="sigma^2 does not fit")
def squared_error_for_variance(X, k, rng):
    mean = X.mean(axis=0)
    Y = X - mean
    values, U = np.linalg.eigh(Y.T @ Y / len(Y))
    values, U = values[::-1], U[:, ::-1]
    codes = Y @ U[:, :k]
    variance = np.mean((codes @ U[:, :k].T - Y) ** 2)
    W = (U[:, :k] * np.sqrt(values[:k] - variance)).T
    A = W.T @ np.linalg.inv(W @ W.T + variance * np.eye(k))
    V = np.hstack([A, np.zeros((X.shape[1], k))])
    c = np.concatenate([-mean @ A, np.log(variance / values[:k])])
    return V, c, W, mean, variance


@mistake(
    "7.8",
    "the clouds keep the prior's width: log-variances of 0",
    told="the clouds have the wrong width",
)
def widths_of_the_prior(X, k, rng):
    mean = X.mean(axis=0)
    Y = X - mean
    values, U = np.linalg.eigh(Y.T @ Y / len(Y))
    values, U = values[::-1], U[:, ::-1]
    variance = values[k:].mean()
    W = (U[:, :k] * np.sqrt(values[:k] - variance)).T
    A = W.T @ np.linalg.inv(W @ W.T + variance * np.eye(k))
    V = np.hstack([A, np.zeros((X.shape[1], k))])
    return V, np.concatenate([-mean @ A, np.zeros(k)]), W, mean, variance


@mistake("7.8", "the square root is forgotten in W", told="its rows the wrong lengths")
def decoder_without_root(X, k, rng):
    mean = X.mean(axis=0)
    values, U = np.linalg.eigh(np.cov(X.T, bias=True))
    values, U = values[::-1], U[:, ::-1]
    variance = values[k:].mean()
    W = (values[:k] - variance)[:, None] * U[:, :k].T
    M = W @ W.T + variance * np.eye(k)
    A = W.T @ np.linalg.inv(M)
    V = np.hstack([A, np.zeros((X.shape[1], k))])
    c = np.concatenate([-mean @ A, np.log(variance / np.diag(M))])
    return V, c, W, mean, variance


@mistake(
    "7.8", "the means are the projection, not shrunk towards the prior", told="shrunk towards 0"
)
def unshrunk_means(X, k, rng):
    mean = X.mean(axis=0)
    values, U = np.linalg.eigh(np.cov(X.T, bias=True))
    values, U = values[::-1], U[:, ::-1]
    variance = values[k:].mean()
    W = np.sqrt(values[:k] - variance)[:, None] * U[:, :k].T
    A = np.linalg.pinv(W)
    V = np.hstack([A, np.zeros((X.shape[1], k))])
    c = np.concatenate([-mean @ A, np.log(variance / values[:k])])
    return V, c, W, mean, variance


@mistake("7.8", "trained too short: not at the bottom yet", told="not there yet")
def stopped_too_early(X, k, rng):
    N, D = X.shape
    mean = X.mean(axis=0)
    unit = (X - mean).std()
    Y = (X - mean) / unit
    A, v = rng.normal(0, 0.1, (D, k)), np.zeros(k)
    W, log_variance = rng.normal(0, 0.1, (k, D)), 0.0
    rate = 0.05
    for _ in range(60):
        mu, s = Y @ A, np.exp(v / 2)
        eps = rng.standard_normal((N, k))
        z = mu + s * eps
        error = z @ W - Y
        variance = np.exp(log_variance)
        dx_hat = error / (N * variance)
        dz = dx_hat @ W.T
        A -= rate * Y.T @ (dz + mu / N)
        v -= rate * ((dz * eps * s / 2).sum(axis=0) + (np.exp(v) - 1) / 2)
        log_variance -= rate * (D / 2 - np.sum(error**2) / (2 * N * variance))
        W -= rate * z.T @ dx_hat
    A, W = A / unit, W * unit
    V = np.hstack([A, np.zeros((D, k))])
    return V, np.concatenate([-mean @ A, v]), W, mean, np.exp(log_variance) * unit**2
