"""PCA's spectrum and explained variance against scikit-learn and geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from vae_numpy.metrics import explained_variance, pca_spectrum


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 30), dim=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_spectrum_agrees_with_scikit_learn(n, dim, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, dim)) * rng.uniform(0.1, 10, dim) + 5
    ours = pca_spectrum(X)
    theirs = PCA().fit(X).explained_variance_ * (n - 1) / n  # scikit-learn divides by N - 1
    assert ours.shape == (dim,)
    assert np.allclose(ours[: len(theirs)], theirs, atol=1e-9)
    assert np.allclose(ours[len(theirs) :], 0, atol=1e-9)  # fewer points than coordinates
    assert ours.sum() == pytest.approx(X.var(axis=0).sum())


def test_flat_cloud_has_an_exact_zero_or_more():
    X = np.random.default_rng(0).standard_normal((50, 2)) @ [[1.0, 2, 3], [4, 5, 6]]
    spectrum = pca_spectrum(X)
    assert (spectrum >= 0).all()
    assert spectrum[2] < 1e-12


def test_explained_variance_of_a_pca_is_its_share_of_the_spectrum():
    X = np.random.default_rng(1).standard_normal((200, 5)) * [5, 4, 3, 2, 1] + 7
    shares = np.cumsum(pca_spectrum(X)) / pca_spectrum(X).sum()
    for k in range(1, 6):
        pca = PCA(k).fit(X)
        X_hat = pca.inverse_transform(pca.transform(X))
        assert explained_variance(X, X_hat) == pytest.approx(shares[k - 1])
        r2 = r2_score(X, X_hat, multioutput="variance_weighted")
        assert explained_variance(X, X_hat) == pytest.approx(r2)


def test_explained_variance_of_the_mean_is_zero_and_worse_is_negative():
    X = np.random.default_rng(2).random((20, 3))
    mean = np.tile(X.mean(axis=0), (20, 1))
    assert explained_variance(X, X) == 1
    assert explained_variance(X, mean) == pytest.approx(0)
    assert explained_variance(X, mean + 1) < 0


@pytest.mark.parametrize("call", [pca_spectrum, lambda X: explained_variance(X, np.eye(2))])
def test_data_that_are_not_finite_are_named(call):
    with pytest.raises(ValueError, match="^X must be finite"):
        call(np.full((2, 2), np.nan))


@pytest.mark.parametrize(
    ("X", "X_hat", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 3)), r"X_hat must have the shape of X, (3, 2), got (2, 3)"),
        (np.ones((3, 2)), np.zeros((3, 2)), "X must vary"),
        (np.eye(2), np.full((2, 2), np.inf), "X_hat must be finite"),
    ],
)
def test_bad_reconstructions_are_named(X, X_hat, message):
    with pytest.raises(ValueError) as raised:
        explained_variance(X, X_hat)
    assert message in str(raised.value)
