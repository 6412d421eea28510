"""The doctor of convolutions: each mistake planted, written here once more with loops."""

import numpy as np
import pytest

from vae_numpy.gradcheck import diagnose_convolution

# N, (C, H, W), C', kernel, stride, padding: sizes that differ, so that each mistake has a pattern.
PROBLEMS = [
    (5, (2, 6, 7), 3, (3, 2), 2, 1),
    (4, (3, 7, 5), 2, (3, 3), 1, 1),
    (3, (2, 8, 9), 4, (4, 3), 2, 2),
    (5, (1, 8, 6), 3, (2, 4), 3, 1),
]
problems = pytest.mark.parametrize("problem", PROBLEMS, ids=str)
F = {
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "identity": (lambda a: a, np.ones_like),
}


class Convolution:
    """A problem, and a way back that takes one patch after another and can go wrong."""

    def __init__(self, problem, activation="tanh", seed=0):
        n, shape, channels, kernel, self.stride, self.padding = problem
        rng = np.random.default_rng(seed)
        self.activation, self.shape, self.kernel = activation, shape, kernel
        self.x = rng.normal(size=(n, *shape))
        self.W, self.b = rng.normal(size=(shape[0], *kernel, channels)), rng.normal(size=channels)
        self.a = self.forward(self.W) + self.b[:, None, None]
        self.dy = rng.normal(size=self.a.shape)
        f, self.slope = F[activation]
        self.y, self.da = f(self.a), self.dy * self.slope(self.a)
        self.right = self.back(self.da)

    def pad(self, before, after):
        return np.pad(self.x, ((0, 0), (0, 0), (before, after), (before, after)))

    def forward(self, W):
        padded, (kh, kw), s = self.pad(self.padding, self.padding), self.kernel, self.stride
        return np.stack(
            [
                np.stack(
                    [
                        np.tensordot(padded[:, :, p : p + kh, q : q + kw], W, 3)
                        for q in range(0, padded.shape[3] - kw + 1, s)
                    ],
                    axis=-1,
                )
                for p in range(0, padded.shape[2] - kh + 1, s)
            ],
            axis=2,
        )

    def back(self, da, *, W=None, stride=None, before=None, cut=None, overwrite=False):
        W = self.W if W is None else W
        before = self.padding if before is None else before
        s, (kh, kw) = stride or self.stride, self.kernel
        padded = self.pad(before, 2 * self.padding - before)
        dW, dx, db = np.zeros_like(W), np.zeros_like(padded), np.zeros(W.shape[3])
        for p in range(da.shape[2]):
            for q in range(da.shape[3]):
                at = np.s_[:, :, p * s : p * s + kh, q * s : q * s + kw]
                keep = 0 if overwrite else 1
                pixel = da[:, :, p, q]
                dW = keep * dW + np.tensordot(padded[at], pixel, (0, 0))
                dx[at] = keep * dx[at] + np.tensordot(pixel, W, (1, 3))
                db = keep * db + pixel.sum(axis=0)
        self.uncut = dx
        cut = before if cut is None else cut
        dx = dx[:, :, cut : cut + self.shape[1], cut : cut + self.shape[2]]
        return {"dW": dW, "db": db, "dx": dx}

    def see(self, gradients, **context):
        options = {"stride": self.stride, "padding": self.padding, "activation": self.activation}
        arguments = self.x, self.W, self.b, self.dy
        return diagnose_convolution(gradients, *arguments, **options, **context)

    def assert_named(self, mistake, planted):
        for key, gradient in planted.items():
            diagnosis = self.see({key: gradient})
            assert diagnosis.mistake == mistake, (key, diagnosis.message)
            assert diagnosis.where == key and diagnosis.message.startswith(key)
            assert "\n" not in diagnosis.message and not diagnosis.alternatives


def only(gradients, *keys):
    return {key: gradients[key] for key in keys}


@problems
@pytest.mark.parametrize("activation", F)
def test_right_gradients_are_right(problem, activation):
    p = Convolution(problem, activation)
    assert p.see(p.right), p.see(p.right).message
    assert p.see(lambda: p.right)
    p.b = None
    p.dy, p.activation = p.da, "identity"
    assert p.see(only(p.right, "dW", "dx"))


@problems
def test_a_flipped_kernel(problem):
    p = Convolution(problem)
    p.assert_named("flipped_kernel", only(p.back(p.da, W=p.W[:, ::-1, ::-1]), "dx"))
    p.assert_named("flipped_kernel", {"dW": p.right["dW"][:, ::-1, ::-1]})


@problems
def test_padding_on_one_side(problem):
    p = Convolution(problem)
    for before in (0, 2 * p.padding):
        p.assert_named("one_sided_padding", only(p.back(p.da, before=before), "dW", "dx"))
        p.assert_named("one_sided_padding", only(p.back(p.da, cut=before), "dx"))


@problems
def test_padding_left_on(problem):
    p = Convolution(problem)
    p.back(p.da)
    p.assert_named("padding_kept", {"dx": p.uncut})


@problems
def test_the_stride_forgotten(problem):
    p = Convolution(problem)
    if p.stride > 1:
        p.assert_named("stride_forgotten", only(p.back(p.da, stride=1), "dW", "dx"))


@problems
def test_sums_over_the_wrong_axes(problem):
    p = Convolution(problem)
    for axes in [(1, 2, 3), (0, 1), (0, 1, 2), (0, 1, 3), 0, 1, (2, 3), (0, 2), (0, 3)]:
        p.assert_named("wrong_axis", {"db": p.da.sum(axis=axes)})
    p.assert_named("wrong_axis", {"db": p.da})
    x, da = p.x, p.da
    for picture in (slice(1), slice(-1, None)):  # the batch is missing
        p.x = x[picture]
        one = p.back(da[picture])
        p.x = x
        p.assert_named("wrong_axis", only(one, "dW", "db"))
    each = []
    for i in range(len(x)):
        p.x = x[i : i + 1]
        each.append(p.back(da[i : i + 1])["dW"])
    p.x = x
    p.assert_named("wrong_axis", {"dW": np.array(each)})


@problems
def test_a_mean_over_pixels_where_their_sum_belongs(problem):
    p = Convolution(problem)
    diagnosis = p.see({"db": p.da.mean(axis=(2, 3)).sum(axis=0)})
    assert diagnosis.mistake in ("factor_d", "wrong_axis")
    assert diagnosis.factor == pytest.approx(1 / p.da[0, 0].size) or "pixels" in diagnosis.message


@problems
def test_patches_written_over_each_other(problem):
    p = Convolution(problem)
    wrong = p.back(p.da, overwrite=True)
    keys = ["dW", "db"] + ["dx"] * (max(p.kernel) > p.stride)
    p.assert_named("overwritten", only(wrong, *keys))


@problems
def test_weights_in_another_order(problem):
    p = Convolution(problem)
    p.assert_named("transposed", {"dW": p.right["dW"].transpose(3, 0, 1, 2)})
    if p.kernel[0] == p.kernel[1]:
        p.assert_named("transposed", {"dW": p.right["dW"].transpose(0, 2, 1, 3)})


@problems
def test_what_a_dense_layer_gets_wrong_too(problem):
    p = Convolution(problem)
    without = p.a - p.b[:, None, None]
    p.assert_named("derivative_at_input", p.back(p.dy * (1 - p.a**2)))
    p.assert_named("derivative_missing", p.back(p.dy))
    p.assert_named("forgotten_bias", p.back(p.dy * p.slope(without)))
    p.assert_named("forgotten_bias", {"db": 0 * p.b})
    for key, gradient in p.right.items():
        assert p.see({key: 2 * gradient}).mistake == "factor_2"
        assert p.see({key: -gradient}).mistake == "factor_-1"
        assert p.see({key: len(p.x) * gradient}).mistake == "factor_n"
    earlier = Convolution(problem, seed=1)
    previous = {"x": earlier.x, "W": earlier.W, "b": earlier.b, "dy": earlier.dy}
    assert p.see(earlier.right, previous=previous).mistake == "stale"
    total = {key: earlier.right[key] + p.right[key] for key in p.right}
    assert p.see(total, previous=previous).mistake == "accumulated"


def test_what_it_knows_nothing_of_is_not_named():
    p = Convolution(PROBLEMS[0])
    wrong = p.right["dW"].copy()
    wrong[0, 1, 1, 2] += 0.1
    diagnosis = p.see({"dW": wrong})
    assert diagnosis.mistake == "unknown" and "(0, 1, 1, 2)" in diagnosis.message


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x": np.ones((2, 3, 4))}, r"x and W must be \(N, C, H, W\) and \(C, kh, kw, C'\), got"),
        ({"W": np.ones((3, 2, 2, 2))}, "x and W must be"),
        ({"b": np.ones(3)}, r"b must have shape \(2,\), got \(3,\)"),
        ({"dy": np.ones((2, 2, 4, 4))}, r"dy must have the shape of y, \(2, 2, 3, 3\), got"),
        ({"stride": 0}, "stride must be >= 1, got 0"),
        ({"padding": -1}, "padding must be >= 0, got -1"),
        ({"activation": "rleu"}, "activation must be one of"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(change, message):
    arguments = {"x": np.ones((2, 1, 4, 4)), "W": np.ones((1, 2, 2, 2)), "b": np.ones(2)}
    arguments = arguments | {"dy": np.ones((2, 2, 3, 3))} | change
    with pytest.raises(ValueError, match=message):
        diagnose_convolution({"dW": np.ones((1, 2, 2, 2))}, **arguments)
