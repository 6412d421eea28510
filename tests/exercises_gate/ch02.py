"""Wrong answers to chapter 2's first exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake

# 2.1 There and back


@mistake(
    "2.1",
    "one mean of all entries instead of one per coordinate",
    told="one mean of all numbers is taken off",
)
def mean_of_all_entries(X, V, W):
    m = X.mean()
    Z = (X - m) @ V
    return Z, Z @ W + m


@mistake("2.1", "the mean is not put back", told="the mean is not put back")
def mean_not_put_back(X, V, W):
    Z = (X - X.mean(axis=0)) @ V
    return Z, Z @ W


@mistake("2.1", "the mean is not taken off", told="the mean is not taken off before encoding")
def no_mean_at_all(X, V, W):
    Z = X @ V
    return Z, Z @ W


@mistake(
    "2.1",
    "the mean is taken along the wrong axis, over the coordinates of each point",
    told="the mean of each row is taken off",
)
def mean_of_each_row(X, V, W):
    m = X.mean(axis=1, keepdims=True)
    Z = (X - m) @ V
    return Z, Z @ W + m


@mistake(
    "2.1", "decoded with the encoder's transpose, so W has no say", told="it is decoded with V^T"
)
def decoded_with_V(X, V, W):
    m = X.mean(axis=0)
    Z = (X - m) @ V
    return Z, Z @ V.T + m


@mistake(
    "2.1",
    "the codes are not taken from the mean, only the reconstructions are",
    told="the mean is not taken off before encoding",
)
def codes_from_the_origin(X, V, W):
    m = X.mean(axis=0)
    return X @ V, (X - m) @ V @ W + m


@mistake("2.1", "the caller's X is centred in place", told="the argument X is changed in place")
def centred_in_place(X, V, W):
    m = X.mean(axis=0)
    X -= m
    Z = X @ V
    return Z, Z @ W + m


@mistake(
    "2.1", "codes and reconstructions are returned in the other order", told="in each other's place"
)
def back_and_there(X, V, W):
    m = X.mean(axis=0)
    Z = (X - m) @ V
    return Z @ W + m, Z


@mistake(
    "2.1", "divided by the standard deviation as well", told="divided by the standard deviation too"
)
def standardised(X, V, W):
    m, s = X.mean(axis=0), X.std(axis=0)
    Z = ((X - m) / s) @ V
    return Z, Z @ W * s + m


# 2.2 A loss and its gradient


@mistake(
    "2.2",
    "averaged over the features, too: divided by N D instead of N",
    told="a mean over the features too",
)
def mean_over_everything(X_hat, X):
    error = X_hat - X
    return np.mean(error**2), 2 * error / error.size


@mistake("2.2", "the 2 of the derivative is forgotten", told="dX_hat: the 2 is missing")
def two_forgotten(X_hat, X):
    error = X_hat - X
    return np.sum(error**2) / len(X), error / len(X)


@mistake("2.2", "half of the squared error", told="there is no factor 1/2")
def half_the_square(X_hat, X):
    error = X_hat - X
    return 0.5 * np.sum(error**2) / len(X), error / len(X)


@mistake(
    "2.2",
    "the gradient has the wrong sign: the difference is taken the other way round",
    told="it points the wrong way",
)
def sign_of_the_error(X_hat, X):
    error = X - X_hat
    return np.sum(error**2) / len(X), 2 / len(X) * error


@mistake(
    "2.2", "1/N is missing in the gradient, but not in the loss", told="dX_hat: the 1/N is missing"
)
def gradient_of_the_sum(X_hat, X):
    error = X_hat - X
    return np.sum(error**2, axis=1).mean(), 2 * error


@mistake("2.2", "1/N is missing in both: summed over the batch", told="it is summed over the batch")
def summed_over_the_batch(X_hat, X):
    error = X_hat - X
    return np.sum(error**2), 2 * error


@mistake(
    "2.2",
    "sum and mean exchanged: averaged over the features, summed over the batch",
    told="averaged over the features and summed over the batch",
)
def features_averaged(X_hat, X):
    error = X_hat - X
    D = X.shape[1]
    return np.sum(error**2) / D, 2 / D * error


@mistake(
    "2.2",
    "the gradient is averaged over the batch: one row instead of one for each point",
    told="it is one row for the whole batch",
)
def one_row_of_gradient(X_hat, X):
    error = X_hat - X
    return np.sum(error**2) / len(X), 2 * error.mean(axis=0)


@mistake(
    "2.2", "the lengths of the errors are averaged, not their squares", told="no root is taken"
)
def lengths_not_squares(X_hat, X):
    error = X_hat - X
    return np.linalg.norm(error, axis=1).mean(), 2 / len(X) * error


@mistake(
    "2.2", "the caller's X_hat is changed in place", told="the argument X_hat is changed in place"
)
def error_in_place(X_hat, X):
    X_hat -= X
    return np.sum(X_hat**2) / len(X), 2 / len(X) * X_hat


# 2.3 Where it must end


@mistake("2.3", "N - 1 instead of N", told="divided by N - 1")
def cov_of_numpy(X, k):
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1]
    return eigenvalues[k:].sum()


@mistake(
    "2.3",
    "the variance that is kept instead of the variance that is lost",
    told="the variance that is kept",
)
def variance_kept(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))[::-1]
    return eigenvalues[:k].sum()


@mistake(
    "2.3",
    "the k smallest are left out: eigvalsh counts upwards",
    told="the k smallest are left out",
)
def rising_taken_for_falling(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))
    return eigenvalues[k:].sum()


@mistake("2.3", "not centred", told="the mean is not taken off")
def least_loss_not_centred(X, k):
    eigenvalues = np.linalg.eigvalsh(X.T @ X / len(X))[::-1]
    return eigenvalues[k:].sum()


@mistake("2.3", "not divided by N", told="the covariance is not divided by N")
def summed_over_points(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    return eigenvalues[k:].sum()


@mistake("2.3", "k = 0 is forgotten: the slice [:-0] is empty", told="the slice [:-0] is empty")
def minus_zero(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))
    return eigenvalues[:-k].sum()


@mistake(
    "2.3",
    "variances of the coordinates instead of eigenvalues",
    told="variances of the coordinates",
)
def coordinates_left_out(X, k):
    variances = np.sort(X.var(axis=0))[::-1]
    return variances[k:].sum()


@mistake(
    "2.3", "off by one: one eigenvalue too few is counted as lost", told="one eigenvalue too few"
)
def one_too_few_lost(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))[::-1]
    return eigenvalues[k + 1 :].sum()


@mistake("2.3", "singular values, which are not squared", told="these are singular values")
def singular_values_lost(X, k):
    Xc = X - X.mean(axis=0)
    s = np.linalg.svd(Xc, compute_uv=False)
    return s[k:].sum() / len(X)


@mistake(
    "2.3",
    "the share of the variance that is lost, not the loss itself",
    told="the share that is lost",
)
def share_lost(X, k):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    return eigenvalues[k:].sum() / eigenvalues.sum()


# 2.4 How many latents?


@mistake(
    "2.4",
    "variances of the coordinates instead of eigenvalues",
    told="variances of the coordinates",
)
def coordinates_needed(X, share):
    variances = np.sort(X.var(axis=0))[::-1]
    kept = np.cumsum(variances) / variances.sum()
    return int(np.argmax(kept >= share)) + 1


@mistake(
    "2.4",
    "more than the share is asked for: > instead of >=",
    told="more than the share is asked for",
)
def strictly_more(X, share):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    kept = np.cumsum(eigenvalues) / eigenvalues.sum()
    return int(np.argmax(kept > share)) + 1


@mistake("2.4", "not centred", told="the mean is not taken off")
def latents_not_centred(X, share):
    eigenvalues = np.linalg.eigvalsh(X.T @ X)[::-1]
    kept = np.cumsum(eigenvalues) / eigenvalues.sum()
    return int(np.argmax(kept >= share)) + 1


@mistake("2.4", "the shares are not added up", told="shares that are not added up")
def cumsum_forgotten(X, share):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    kept = eigenvalues / eigenvalues.sum()
    return int(np.argmax(kept >= share)) + 1


@mistake(
    "2.4",
    "off by one: the index is returned instead of the number of latents",
    told="one too few: index 0",
)
def index_not_number(X, share):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    kept = np.cumsum(eigenvalues) / eigenvalues.sum()
    return int(np.argmax(kept >= share))


@mistake(
    "2.4",
    "added up from the smallest eigenvalue: eigvalsh counts upwards",
    told="the smallest directions are added up first",
)
def smallest_first(X, share):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)
    kept = np.cumsum(eigenvalues) / eigenvalues.sum()
    return int(np.argmax(kept >= share)) + 1


@mistake("2.4", "singular values, which are not squared", told="these are singular values")
def singular_values_kept(X, share):
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    kept = np.cumsum(s) / s.sum()
    return int(np.argmax(kept >= share)) + 1


@mistake(
    "2.4",
    "not divided by the total variance: the share is taken for a variance",
    told="the share is taken for a variance",
)
def not_a_share(X, share):
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))[::-1]
    return int(np.argmax(np.cumsum(eigenvalues) >= share)) + 1


# 2.5 Tied weights


@mistake("2.5", "only the encoder's part", told="the encoder's share alone")
def encoder_only(Xc, V):
    dX_hat = 2 / len(Xc) * (Xc @ V @ V.T - Xc)
    return Xc.T @ (dX_hat @ V)


@mistake("2.5", "only the decoder's part", told="the decoder's share alone")
def decoder_only(Xc, V):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ V.T - Xc)
    return (Z.T @ dX_hat).T


@mistake(
    "2.5",
    "twice the encoder's part, as if both parts were equal",
    told="the encoder's share is counted twice",
)
def encoder_twice(Xc, V):
    dX_hat = 2 / len(Xc) * (Xc @ V @ V.T - Xc)
    return 2 * Xc.T @ (dX_hat @ V)


@mistake("2.5", "1/N is forgotten", told="the 1/N is missing")
def tied_without_mean(Xc, V):
    Z = Xc @ V
    dX_hat = 2 * (Z @ V.T - Xc)
    return Xc.T @ (dX_hat @ V) + dX_hat.T @ Z


@mistake("2.5", "the two parts are averaged instead of added", told="averaged instead of added")
def parts_averaged(Xc, V):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ V.T - Xc)
    return (Xc.T @ (dX_hat @ V) + dX_hat.T @ Z) / 2


@mistake("2.5", "the sign is wrong", told="the wrong sign")
def tied_uphill(Xc, V):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Xc - Z @ V.T)
    return Xc.T @ (dX_hat @ V) + dX_hat.T @ Z


@mistake(
    "2.5",
    "the decoder's part is reshaped instead of transposed back",
    told="is reshaped; it has to be transposed",
)
def reshaped_not_transposed(Xc, V):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ V.T - Xc)
    dW = Z.T @ dX_hat
    return Xc.T @ (dX_hat @ V) + dW.reshape(V.shape)


@mistake(
    "2.5",
    "V is taken for orthonormal: the loss as total minus kept variance",
    told="V^T V is taken for the identity",
)
def orthonormal_assumed(Xc, V):
    C = Xc.T @ Xc / len(Xc)
    return -2 * C @ V


@mistake(
    "2.5", "averaged over the features, too: divided by N D instead of N", told="divided by D too"
)
def tied_mean_of_all(Xc, V):
    Z = Xc @ V
    dX_hat = 2 / Xc.size * (Z @ V.T - Xc)
    return Xc.T @ (dX_hat @ V) + dX_hat.T @ Z
