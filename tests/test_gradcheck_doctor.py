"""The gradient doctor: each mistake planted at each place, right gradients, and garbage.

The planted gradients are written here once more, from the formulas: what the doctor knows is not
used to make them.
"""

from types import SimpleNamespace

import naive
import numpy as np
import pytest

from vae_numpy import losses
from vae_numpy.gradcheck import (
    MISTAKES,
    Suspect,
    diagnose,
    diagnose_bernoulli,
    diagnose_dense,
    diagnose_kl,
    diagnose_reparameterise,
)
from vae_numpy.layers import Dense

# (N, n_in or D, n_out or K). In the first eight the sizes differ and exceed 2, so that each
# mistake has a pattern of its own; in the others some are silent or look alike.
PLAIN = [(5, 4, 3), (7, 3, 5), (17, 6, 5), (9, 8, 4), (6, 5, 7), (11, 3, 4), (4, 5, 6), (13, 7, 5)]
ODD = [(1, 4, 3), (1, 1, 1), (2, 3, 3), (3, 3, 3), (4, 4, 2), (6, 1, 4), (5, 4, 1), (4, 4, 4)]
PROBLEMS = [(size, seed) for seed, size in enumerate(PLAIN + ODD + PLAIN[:2] + ODD[:2])]  # 20
MEMORY = {"transposed": lambda g: g.T, "in another order": lambda g: g.T.reshape(g.shape)}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


ACTIVATIONS = {
    # name: (f(a), f'(a), the derivative as it is written with y)
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2, lambda y: 1 - y**2),
    "sigmoid": (sigmoid, lambda a: sigmoid(a) * sigmoid(-a), lambda y: y * (1 - y)),
    "softplus": (lambda a: np.log1p(np.exp(a)), sigmoid, lambda y: 1 - np.exp(-y)),
}


def dense(size, seed):
    """Make a layer's problem: its arguments, those of the step before, and other noise in x."""
    n, n_in, n_out = size
    rng = np.random.default_rng(seed)
    p = SimpleNamespace(n=n, features=(n_in, n_out), activation=list(ACTIVATIONS)[seed % 3])
    p.x, p.x0, p.x1 = rng.normal(size=(3, n, n_in))
    p.W, p.b = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)
    p.terms = {"reconstruction": rng.normal(size=(n, n_out)), "KL": rng.normal(size=(n, n_out))}
    p.dy, p.dy0 = sum(p.terms.values()), rng.normal(size=(n, n_out))
    f, slope, _ = ACTIVATIONS[p.activation]
    p.a = p.x @ p.W + p.b
    p.y, p.slope = f(p.a), slope(p.a)
    p.da = p.dy * p.slope
    p.back = lambda da, x=p.x: {"dW": x.T @ da, "db": da.sum(axis=0), "dx": da @ p.W.T}
    p.at = lambda x, dy: p.back(dy * slope(x @ p.W + p.b), x)
    p.right = p.back(p.da)

    def see(gradients, **context):
        return diagnose_dense(gradients, p.x, p.W, p.b, p.dy, activation=p.activation, **context)

    p.see = see
    return p


def bernoulli(size, seed):
    n, d, k = size
    rng = np.random.default_rng(seed)
    p = SimpleNamespace(n=n, features=(d,))
    p.bias, p.logits = rng.normal(size=d), 2 * rng.normal(size=(n, d))
    p.x, p.x1 = (rng.random((2, n, d)) < 0.5).astype(float)
    p.logits0 = rng.normal(size=(n, d))
    p.p = sigmoid(p.logits)
    p.right = {"dlogits": (p.p - p.x) / n}
    p.see = lambda gradients, **context: diagnose_bernoulli(gradients, p.logits, p.x, **context)
    # Its logits made by a decoder z W + b, with z = mu + s eps.
    p.mu, p.v, p.eps, p.eps1 = rng.normal(size=(4, n, k))
    p.dz = p.right["dlogits"] @ rng.normal(size=(k, d)).T
    return p


def kl(size, seed):
    n, n_in, k = size
    rng = np.random.default_rng(seed)
    p = SimpleNamespace(n=n, features=(k,), bias=rng.normal(size=2 * k))
    p.mu, p.v, p.mu0, p.v0, p.mu1, p.v1 = rng.normal(size=(6, n, k))
    p.v += np.sign(p.v) * 0.1  # 1/v is one of the mistakes
    p.at = lambda mu, v: {"dmu": mu / n, "dlogvar": (np.exp(v) - 1) / (2 * n)}
    p.right = p.at(p.mu, p.v)
    p.h = rng.normal(size=(n, n_in))  # what the layer gets that makes mu and logvar
    p.see = lambda gradients, **context: diagnose_kl(gradients, p.mu, p.v, **context)
    return p


PLACES = {"dense": dense, "bernoulli": bernoulli, "kl": kl}


def assert_named(problem, size, planted, diagnosis, mistake):
    """The mistake is named; where it changes nothing, nobody is accused."""
    invisible = all(
        np.shape(g) == problem[key].shape
        and np.allclose(g, problem[key], rtol=0, atol=1e-12 * abs(problem[key]).max())
        for key, g in planted.items()
    )
    if invisible:
        assert diagnosis.ok, diagnosis.message
        return
    assert not diagnosis
    if size in PLAIN:
        assert diagnosis.mistake == mistake, diagnosis.message
    else:
        assert mistake in (diagnosis.mistake, *diagnosis.alternatives), diagnosis.message
    assert diagnosis.where in planted and diagnosis.message.startswith(diagnosis.where)
    assert "\n" not in diagnosis.message


# The constant factors ---------------------------------------------------------------------------


@pytest.mark.parametrize("size, seed", PROBLEMS)
@pytest.mark.parametrize("place", PLACES)
def test_constant_factors_are_named_with_their_cause(place, size, seed):
    p = PLACES[place](size, seed)
    factors = [("factor_n", p.n), ("factor_2", 2.0), ("factor_-1", -1.0)]
    factors += [("factor_d", d) for d in p.features]
    factors += [("wrong_axis", p.n / d) for d in p.features]  # a mean over the features
    keys = list(p.right)
    for i, (mistake, c) in enumerate([*factors, *((m, 1 / c) for m, c in factors)]):
        key = keys[(i + seed) % len(keys)]
        planted = {key: c * p.right[key]}
        diagnosis = p.see(planted)
        assert_named(p.right, size, planted, diagnosis, mistake)
        if size in PLAIN:
            assert diagnosis.factor == pytest.approx(c)
            n_or_d = {"factor_n": f"N = {p.n}", "factor_d": "D = ", "wrong_axis": "axis"}
            assert n_or_d.get(mistake, "") in diagnosis.message


@pytest.mark.parametrize("place", PLACES)
def test_another_constant_factor_is_told_without_a_cause(place):
    p = PLACES[place](PLAIN[0], 0)
    for c in (0.37, 1.23, -17.7):
        diagnosis = p.see({key: c * g for key, g in p.right.items()})
        assert diagnosis.mistake == "factor" and diagnosis.factor == pytest.approx(c)
        assert "I cannot see" in diagnosis.message


# What each place has of its own -----------------------------------------------------------------


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_mistakes_in_a_dense_layer(size, seed):
    p = dense(size, seed)
    f, slope, with_y = ACTIVATIONS[p.activation]
    n, (n_in, n_out) = p.n, p.features
    previous = {"x": p.x0, "dy": p.dy0}
    earlier = p.at(p.x0, p.dy0)
    right = p.right

    def check(mistake, planted, **context):
        if context.get("terms"):
            diagnosis = diagnose_dense(planted, p.x, p.W, p.b, p.terms, activation=p.activation)
        else:
            diagnosis = p.see(planted, **context)
        assert_named(right, size, planted, diagnosis, mistake)

    for dy in p.terms.values():
        check("missing_term", p.back(dy * p.slope), terms=True)
    check("derivative_at_input", p.back(p.dy * with_y(p.a)))
    check("derivative_at_input", p.back(p.dy * slope(p.y)))
    check("derivative_missing", p.back(p.dy))
    other = "sigmoid" if p.activation == "tanh" else "tanh"
    check("derivative_of_another", p.back(p.dy * ACTIVATIONS[other][2](p.y)))
    check("forgotten_bias", p.back(p.dy * slope(p.x @ p.W)))
    check("forgotten_bias", right | {"db": 0 * p.b})
    assert p.see(right | {"db": None}).mistake == "forgotten_bias"
    check("stale", earlier, previous=previous)
    check("accumulated", {k: earlier[k] + right[k] for k in right}, previous=previous)
    check("noise", p.at(p.x1, p.dy), other_noise=[{"x": p.x1}])
    check("noise", {"dW": p.x1.T @ p.da}, other_noise=[{"x": p.x1}])
    if n_in > 1 and n_out > 1:
        for change in MEMORY.values():
            check("transposed", {"dW": change(right["dW"])})
    if n_in == n_out:
        check("transposed", {"dx": p.da @ p.W})
    if n > 1 and n_out > 1:
        check("wrong_axis", {"db": p.da.sum(axis=1)})
        check("wrong_axis", {"db": p.da})
    if n == n_in > 1:
        check("wrong_axis", {"dW": p.x @ p.da})
    if n == n_out > 1:
        check("wrong_axis", {"dW": p.x.T @ p.da.T})


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_mistakes_in_a_bernoulli_loss(size, seed):
    p = bernoulli(size, seed)
    n, (d,), x, prob, right = p.n, p.features, p.x, p.p, p.right["dlogits"]

    def check(mistake, planted, **context):
        planted = {"dlogits": planted}
        assert_named(p.right, size, planted, p.see(planted, **context), mistake)

    dp = (-x / prob + (1 - x) / (1 - prob)) / n  # in the probability
    check("missing_term", -x * (1 - prob) / n)
    check("missing_term", (1 - x) * prob / n)
    check("derivative_at_input", dp * p.logits * (1 - p.logits))
    check("derivative_at_input", dp * sigmoid(prob) * sigmoid(-prob))
    check("derivative_missing", dp)
    check("derivative_of_another", (prob - x) * prob * (1 - prob) / n)
    check("derivative_of_another", dp * (1 - prob**2))
    check("activation_missing", (p.logits - x) / n)
    check("forgotten_bias", (sigmoid(p.logits - p.bias) - x) / n, bias=p.bias)
    earlier = (sigmoid(p.logits0) - x) / n
    check("stale", earlier, previous={"logits": p.logits0})
    check("accumulated", earlier + right, previous={"logits": p.logits0})
    check("noise", (prob - p.x1) / n, other_noise=[{"x": p.x1}])  # binarised once more
    if n > 1 and d > 1:
        for change in MEMORY.values():
            check("transposed", change(right))
        for axis in (0, 1):
            check("wrong_axis", right.sum(axis=axis))
            check("wrong_axis", right.sum(axis=axis, keepdims=True))
            check("wrong_axis", right.mean(axis=axis, keepdims=True) + 0 * right)


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_mistakes_in_the_kl(size, seed):
    p = kl(size, seed)
    n, (k,), mu, v, right = p.n, p.features, p.mu, p.v, p.right
    s2, s = np.exp(v), np.exp(v / 2)

    def check(mistake, planted, **context):
        assert_named(right, size, planted, p.see(planted, **context), mistake)

    check("missing_term", {"dlogvar": s2 / (2 * n)})
    check("missing_term", {"dlogvar": -1 / (2 * n) + 0 * v})
    check("missing_term", {"dlogvar": 0 * v})
    check("missing_term", {"dmu": 0 * mu})
    for wrong in (1 - 1 / v, v - 1, 1 - 1 / s2):
        check("logvar_as_variance", {"dlogvar": wrong / (2 * n)})
    for wrong in (2 * s2**2 - 2, s2**2 - 1, 2 * v - 2 / v, v**2 - 1, 2 * s - 2 / s, s - 1):
        check("logvar_as_std", {"dlogvar": wrong / (2 * n)})
    assert "logvar_as_std" in p.see({"dlogvar": (s2 - 1) / n}).alternatives  # that in log s
    check("derivative_at_input", {"dlogvar": (1 - 1 / s2) * v / (2 * n)})
    check("forgotten_bias", p.at(mu - p.bias[:k], v - p.bias[k:]), bias=p.bias)
    check("forgotten_bias", {"dlogvar": p.at(mu, v - p.bias[k:])["dlogvar"]}, bias=p.bias)
    earlier = p.at(p.mu0, p.v0)
    previous = {"mu": p.mu0, "logvar": p.v0}
    check("stale", earlier, previous=previous)
    check("accumulated", {key: earlier[key] + g for key, g in right.items()}, previous=previous)
    check("noise", p.at(p.mu1, p.v1), other_noise=[{"mu": p.mu1, "logvar": p.v1}])
    check("swapped", {"dmu": right["dlogvar"], "dlogvar": right["dmu"]})
    if n > 1 and k > 1:
        for change in MEMORY.values():
            check("transposed", {"dmu": change(right["dmu"])})
            check("transposed", {"dlogvar": change(right["dlogvar"])})
        for axis in (0, 1):
            check("wrong_axis", {"dmu": right["dmu"].sum(axis=axis)})
            check("wrong_axis", {"dlogvar": right["dlogvar"].mean(axis=axis, keepdims=True)})


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_mistakes_in_the_sample_behind_a_bernoulli_loss(size, seed):
    p = bernoulli(size, seed)
    n, mu, v, eps, dz = p.n, p.mu, p.v, p.eps, p.dz
    s = np.exp(v / 2)
    right = {"dmu": dz, "dlogvar": dz * eps * s / 2}

    def check(mistake, planted, **context):
        diagnosis = diagnose_reparameterise(planted, dz, mu, v, eps, **context)
        assert_named(right, size, planted, diagnosis, mistake)

    check("missing_term", {"dlogvar": 0 * v})
    check("missing_term", {"dmu": 0 * v})
    check("logvar_as_std", {"dlogvar": dz * eps * np.exp(v)})  # z = mu + e^v eps
    check("logvar_as_std", {"dlogvar": dz * eps})
    check("logvar_as_variance", {"dlogvar": dz * eps * np.exp(v) / 2})
    check("logvar_as_variance", {"dlogvar": dz * eps / s / 2})
    check("derivative_at_input", {"dlogvar": dz * eps * (v / 2) / 2})
    check("derivative_missing", {"dlogvar": dz * eps / 2})
    check("noise", {"dlogvar": dz * p.eps1 * s / 2}, other_noise=[{"eps": p.eps1}])
    check("noise", {"dlogvar": dz * s / 2})
    check("noise", {"dlogvar": dz * eps[0] * s / 2})
    check("factor_n", {key: n * g for key, g in right.items()})
    previous = {"dz": 2 * dz[::-1], "eps": p.eps1}
    earlier = {"dmu": 2 * dz[::-1], "dlogvar": dz[::-1] * p.eps1 * s}
    if n > 1:
        check("stale", earlier, previous=previous)
        check("accumulated", {key: earlier[key] + right[key] for key in right}, previous=previous)


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_known_mistakes_are_named_at_the_weights_of_a_dense_layer(size, seed):
    # mu, v = split(h V), then the KL: what goes wrong in it arrives in dV.
    p = kl(size, seed)
    k = p.features[0]

    def through(d):
        return {"dV": p.h.T @ np.hstack([d["dmu"], d["dlogvar"]])}

    def check(mistake, planted, **context):
        diagnosis = p.see(through(planted), through=through, **context)
        assert_named(through(p.right), size, through(planted), diagnosis, mistake)

    n, mu, v = p.n, p.mu, p.v
    right = p.right
    check("logvar_as_std", right | {"dlogvar": np.expm1(2 * v) / n})
    check("logvar_as_variance", right | {"dlogvar": (1 - 1 / v) / (2 * n)})
    check("missing_term", right | {"dlogvar": np.exp(v) / (2 * n)})
    check("missing_term", right | {"dmu": 0 * mu})
    check("derivative_at_input", right | {"dlogvar": -v * np.expm1(-v) / (2 * n)})
    check("forgotten_bias", p.at(mu - p.bias[:k], v - p.bias[k:]), bias=p.bias)
    check("noise", p.at(p.mu1, p.v1), other_noise=[{"mu": p.mu1, "logvar": p.v1}])
    assert p.see(through(right), through=through).ok


# The two arrays alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("size, seed", PROBLEMS)
@pytest.mark.parametrize("place", ["bernoulli", "kl"])
def test_diagnose_needs_no_place(place, size, seed):
    p = PLACES[place](size, seed)
    if place == "kl":
        x, right = p.mu, p.right["dmu"]
        parts = {"mu^2": lambda mu: 0.5 * np.sum(mu**2) / p.n, "rest": lambda mu: 0.25 * np.sum(mu)}
        right = right + 0.25

        def loss(mu):
            return sum(f(mu) for f in parts.values())
    else:
        x, right = p.logits, p.right["dlogits"]
        parts = {
            "x log p": lambda a: -np.sum(p.x * np.log(sigmoid(a))) / p.n,
            "(1 - x) log(1 - p)": lambda a: -np.sum((1 - p.x) * np.log(sigmoid(-a))) / p.n,
        }

        def loss(logits):
            return losses.bernoulli_nll(logits, p.x)[0]

    def check(mistake, planted, **context):
        sizes = {"batch_size": p.n, "n_features": p.features}
        diagnosis = diagnose(planted, loss, x, **sizes, **context)
        named = {"your gradient": right}
        assert_named(named, size, {"your gradient": planted}, diagnosis, mistake)

    assert diagnose(right, loss, x).ok
    for mistake, c in [("factor_n", p.n), ("factor_2", 2), ("factor_-1", -1)]:
        check(mistake, c * right)
        check(mistake, right / c)
    if min(x.shape) > 1:
        for change in MEMORY.values():
            check("transposed", change(right))
        check("wrong_axis", right.sum(axis=1))
    other = np.random.default_rng(seed + 100).normal(size=x.shape)
    check("stale", other, previous=other)
    check("accumulated", right + other, previous=other)
    check("noise", other, noise=[other])
    for term, f in parts.items():
        part = naive.gradient(f, x)
        check("missing_term", right - part, terms=parts)
        check("term_factor", right - 2 * part, terms=parts)
        if size in PLAIN:
            check("term_factor", right + (p.n - 1) * part, terms=parts)
            diagnosis = diagnose(right + 0.3 * part, loss, x, terms=parts)
            assert diagnosis.mistake == "term_factor" and term in diagnosis.message
    mine = Suspect("derivative_at_input", other, "is my own idea")
    diagnosis = diagnose(other, loss, x, suspects=[mine])
    assert diagnosis.message == "your gradient is my own idea"


def test_a_factor_on_top_of_another_mistake_is_told_with_it():
    for seed, size in enumerate(PLAIN):
        p = dense(size, seed)
        diagnosis = p.see({"dW": -p.n * p.back(p.dy)["dW"]})
        assert (diagnosis.mistake, diagnosis.factor) == ("derivative_missing", -p.n)
        assert f"N = {p.n}" in diagnosis.message and "wrong sign" in diagnosis.message
        diagnosis = p.see({"dW": 2 * p.right["dW"].T})
        assert (diagnosis.mistake, diagnosis.factor) == ("transposed", 2)


# Functions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_a_function_that_piles_up_or_draws_noise_is_caught(place):
    for seed, size in enumerate(PLAIN[:4]):
        p = PLACES[place](size, seed)
        rng, inside = np.random.default_rng(seed), {k: 0 * g for k, g in p.right.items()}

        def pile_up(p=p, inside=inside):
            for key, g in p.right.items():
                inside[key] += g
            return inside

        assert p.see(pile_up).mistake == "accumulated"

        def draw(p=p, rng=rng):
            return {key: g * rng.normal(1, 1e-3, g.shape) for key, g in p.right.items()}

        assert p.see(draw).mistake == "noise"
        assert p.see(lambda p=p: p.right).ok


def test_a_function_of_x_is_asked_at_two_points():
    x = np.random.default_rng(0).normal(size=(4, 3))
    before = x.copy()

    def loss(x):
        return np.sum(x**3)

    kept, total = [], np.zeros_like(x)

    def stale(x):
        kept.append(3 * x**2)
        return kept[0]

    def piling(x):
        np.add(total, 3 * x**2, out=total)
        return total

    assert diagnose(lambda x: 3 * x**2, loss, x).ok
    assert diagnose(stale, loss, x).mistake == "stale"
    assert diagnose(piling, loss, x).mistake == "accumulated"
    assert diagnose(lambda x: 9 * x**2, loss, x, batch_size=3).mistake == "factor_n"
    # A loss whose gradient is the same everywhere is no reason to accuse.
    assert diagnose(lambda x: np.ones_like(x), np.sum, x).ok
    np.testing.assert_array_equal(x, before)


# The innocent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size, seed", PROBLEMS)
def test_right_gradients_are_right_in_float32_in_loops_and_from_the_library(size, seed):
    context = {"previous": {}, "other_noise": [{}]}  # the same again: nothing to accuse either
    p = dense(size, seed)
    for dtype in (np.float64, np.float32):
        layer = Dense(*p.features, p.activation, rng=np.random.default_rng(0), dtype=dtype)
        layer.W.value[...], layer.b.value[...] = p.W, p.b
        layer.forward(p.x)
        dx = layer.backward(p.dy)
        for cast in (dtype, np.float64):
            g = {"dW": layer.W.grad.astype(cast), "db": layer.b.grad, "dx": dx.astype(cast)}
            assert p.see(g, **context).ok, p.see(g, **context).message
    slow = naive.dense_backward(p.dy, p.x, p.W, p.b, p.activation)
    assert p.see(dict(zip(("dx", "dW", "db"), slow, strict=True)), **context).ok

    q, r = bernoulli(size, seed), kl(size, seed)
    for dtype in (np.float64, np.float32):
        _, dlogits = losses.bernoulli_nll(q.logits.astype(dtype), q.x.astype(dtype))
        assert q.see(dlogits, bias=q.bias, **context).ok
        _, dmu, dlogvar = losses.gaussian_kl(r.mu.astype(dtype), r.v.astype(dtype))
        assert r.see({"dmu": dmu, "dlogvar": dlogvar}, bias=r.bias, **context).ok
    for key, g in r.right.items():
        assert r.see({key: g.tolist()}).ok


@pytest.mark.parametrize("seed", range(20))
def test_a_kink_is_no_mistake(seed):
    # Whole numbers put many pre-activations exactly on relu's kink.
    rng = np.random.default_rng(seed)
    x, W, b = rng.integers(-1, 2, (5, 4)), rng.integers(-1, 2, (4, 3)), rng.integers(-1, 2, 3)
    dy = rng.normal(size=(5, 3))
    a = x @ W + b
    assert np.any(a == 0)
    for at_kink in (0.0, 1.0, 0.5):
        # Each row's slope may lie anywhere between; with one sign of dy their sum does so too.
        db = (abs(dy) * np.where(a == 0, at_kink, a > 0)).sum(axis=0)
        diagnosis = diagnose_dense({"db": db}, x, W, b, abs(dy), activation="relu")
        assert diagnosis.ok, diagnosis.message
    assert not diagnose_dense({"db": 3 * db}, x, W, b, abs(dy), activation="relu")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_logits_are_no_mistake(dtype):
    for size in (5.0, 15.0, 40.0):
        x = (np.random.default_rng(1).random((6, 4)) < 0.5).astype(dtype)
        logits = (size * (2 * x - 1)).astype(dtype)
        assert diagnose_bernoulli((sigmoid(logits) - x) / dtype(6), logits, x).ok


def test_a_minimum_is_no_mistake():
    assert diagnose_kl({"dmu": np.zeros((3, 2)), "dlogvar": np.zeros((3, 2))}, *np.zeros((2, 3, 2)))
    assert diagnose(np.zeros(3), lambda x: np.sum(x**2), np.zeros(3), batch_size=3)
    wrong = diagnose(np.ones(3), lambda x: np.sum(x**2), np.zeros(3), batch_size=3)
    assert wrong.mistake == "unknown"


# What has no name -------------------------------------------------------------------------------


@pytest.mark.parametrize("size, seed", PROBLEMS)
@pytest.mark.parametrize("place", PLACES)
def test_garbage_gets_no_name(place, size, seed):
    p = PLACES[place](size, seed)
    rng = np.random.default_rng(seed + 50)
    for key, g in p.right.items():
        if g.size < 2:
            continue  # a single number is a constant factor of any other
        for garbage in (
            rng.normal(size=g.shape),
            g + 0.1 * abs(g).max() * rng.normal(size=g.shape),
            g * rng.uniform(0.5, 2, g.shape),
        ):
            for dtype in (np.float64, np.float32):
                diagnosis = p.see({key: garbage.astype(dtype)})
                assert diagnosis.mistake == "unknown", diagnosis.message
                assert "I know no mistake" in diagnosis.message


def test_the_unknown_is_described():
    p = dense(PLAIN[0], 0)
    wrong = p.right["dW"].copy()
    wrong[2] = 0
    diagnosis = p.see({"dW": wrong})
    said = f"{p.features[1]} of {wrong.size} entries are wrong, all of them at index 2 of axis 0"
    assert diagnosis.mistake == "unknown" and said in diagnosis.message
    assert "those are 0" in diagnosis.message
    wrong = p.right["dx"].copy()
    wrong[1, 3] += 1
    diagnosis = p.see({"dx": wrong})
    assert "most at index (1, 3)" in diagnosis.message and "1 of 20" in diagnosis.message
    assert f"{wrong[1, 3]:.6g}" in diagnosis.message
    assert f"{p.right['dx'][1, 3]:.6g}" in diagnosis.message
    # A mistake with a name is shown before one without.
    assert p.see({"dx": wrong, "dW": -p.right["dW"]}).mistake == "factor_-1"


def test_the_messages_that_the_book_promises():
    x = np.random.default_rng(0).normal(size=(32, 3))
    diagnosis = diagnose(2 * x, lambda x: np.sum(x**2) / 32, x, batch_size=32)
    assert str(diagnosis) == (
        "your gradient is exactly 32 times too large: N = 32; "
        "the loss is a mean over the batch, so divide by N"
    )
    assert not diagnosis.ok and not bool(diagnosis) and diagnosis.factor == pytest.approx(32)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none(bad):
    p = kl(PLAIN[0], 0)
    g = p.right["dmu"].copy()
    g[1, 2] = bad
    diagnosis = p.see({"dmu": g})
    assert diagnosis.mistake == "not_finite" and "(1, 2)" in diagnosis.message
    assert diagnose(np.ones(2), lambda x: np.nan, np.ones(2)).mistake == "not_finite"


def test_shapes():
    p = dense(PLAIN[0], 0)
    diagnosis = p.see({"db": p.right["db"][None]})
    assert diagnosis.mistake == "shape" and "right numbers" in diagnosis.message
    diagnosis = p.see({"dW": np.ones((2, 2))})
    assert diagnosis.mistake == "shape" and "(2, 2)" in diagnosis.message
    assert p.see({"dW": 0 * p.W}).mistake == "zero"


def test_a_layer_without_bias_and_an_input_of_one_row():
    p = dense((1, 4, 3), 0)
    y = np.tanh(p.x @ p.W)
    da = p.dy * (1 - y**2)
    context = {"activation": "tanh"}
    right = {"dW": p.x.T @ da, "dx": da @ p.W.T}
    assert diagnose_dense(right, p.x, p.W, None, p.dy, **context).ok
    wrong = {"dW": p.x.T @ p.dy}
    diagnosis = diagnose_dense(wrong, p.x, p.W, None, p.dy, **context)
    assert diagnosis.mistake == "derivative_missing"
    with pytest.raises(ValueError, match="keys out of 'dW', 'dx', got .'db'"):
        diagnose_dense({"db": da[0]}, p.x, p.W, None, p.dy, **context)


def test_bad_arguments_are_refused():
    p = kl(PLAIN[0], 0)
    with pytest.raises(ValueError, match="keys out of 'dmu', 'dlogvar', got .'dx'"):
        p.see({"dx": p.mu})
    with pytest.raises(TypeError, match="gradients must be a dict .* got tuple"):
        p.see((p.mu, p.v))
    for nothing in (None, "text", [[1, 2], [3]], {1}):
        with pytest.raises(TypeError, match="dmu must be an array of numbers"):
            p.see({"dmu": nothing})
    with pytest.raises(ValueError, match="activation must be one of"):
        diagnose_dense({}, p.mu, p.mu.T, None, p.mu, activation="sine")
    x = np.ones(3)
    for arguments, name in [
        ({"tolerance": 0}, "tolerance"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_features": 0}, "n_features"),
        ({"n_features": (3, 0.5)}, "n_features"),
    ]:
        with pytest.raises((ValueError, TypeError), match=name):
            diagnose(x, np.sum, x, **arguments)


def test_every_mistake_is_explained():
    assert len(set(MISTAKES.values())) == len(MISTAKES)
