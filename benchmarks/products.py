"""Our own product and the fused dense layer against OpenBLAS through NumPy, and the roofline."""

from functools import partial

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from vae_numpy.kernels import compiled, product, reference
from vae_numpy.kernels.threads import limit

from .networks import KERNEL
from .timing import interleave, summary, times_as_fast

SHAPES = (  # batch, n_in, n_out
    (64, 64, 64),
    (128, 784, 400),
    (64, 4096, 1200),
    (256, 256, 256),
    (1024, 1024, 1024),
)
ALL_CORES = "own, on all cores"
PICTURES = ((32, 32), (32, 16))  # channels, which a convolution keeps, and pixels along an edge


def run(*, budget, shapes=SHAPES):
    """Time every product that backpropagation needs, on one core; returns a list of dicts."""
    rng = np.random.default_rng(0)
    rows = []
    for shape in shapes:
        n, n_in, n_out = shape
        sizes = (
            2 * np.prod(shape, dtype=float),
            4 * sum(float(shape[i] * shape[j]) for i, j in ((0, 1), (1, 2), (0, 2))),
        )
        X, W, dY = (
            rng.normal(size=s).astype(np.float32) for s in ((n, n_in), (n_in, n_out), (n, n_out))
        )
        for name, A, B in (("X @ W", X, W), ("X.T @ dY", X.T, dY), ("dY @ W.T", dY, W.T)):
            assert np.allclose(product.product(A, B), A @ B, atol=1e-2)
            contestants = {
                "own": lambda A=A, B=B: product.product(A, B),
                "NumPy": lambda A=A, B=B: A @ B,
            }
            rows.append(_row(name, shape, contestants, budget, *sizes))
        b = rng.normal(size=n_out).astype(np.float32)
        contestants = {
            "own": lambda X=X, W=W, b=b: compiled.dense_forward(X, W, b, "relu"),
            "NumPy": lambda X=X, W=W, b=b: np.maximum(X @ W + b, 0),
        }
        assert np.allclose(contestants["own"](), contestants["NumPy"](), atol=1e-2)
        rows.append(_row("relu(X @ W + b)", shape, contestants, budget, *sizes))
    return rows


def convolutions(*, budget, peak, pictures=PICTURES, batch=64):
    """Time convolutional layers, forward and backward, on one core; returns a list of dicts.

    ``peak`` is what a core can do, in operations per second.
    """
    rng = np.random.default_rng(0)
    rows = []
    for channels, side in pictures:
        shape = batch, channels, side
        big, small, W = (
            rng.normal(size=s).astype(np.float32)
            for s in (
                (batch, channels, side, side),
                (batch, channels, side // 2, side // 2),
                (channels, KERNEL, KERNEL, channels),
            )
        )
        b, dW, db = (np.zeros_like(a) for a in (W[0, 0, 0], W, W[0, 0, 0]))
        layers = {"conv": (big, small, ()), "conv_transpose": (small, big, (big.shape[1:],))}
        for layer, (x, y, more) in layers.items():
            options = "relu", 2, 1
            passes = {  # how many products, and of what
                f"{layer}_forward": (1, (x, W, b, *options, *more)),
                f"{layer}_backward": (2, (y, x, y, W, *options, dW, db)),
            }
            for name, (n, arguments) in passes.items():
                contestants = {
                    who: partial(getattr(kernel, name), *arguments)
                    for who, kernel in (("own", compiled), ("NumPy", reference))
                }
                assert np.allclose(contestants["own"](), contestants["NumPy"](), atol=1e-2)
                operations = 2.0 * n * small.size * W[..., 0].size
                touched = 4.0 * n * (x.size + y.size + W.size)
                row = _row(name, shape, contestants, budget, operations, touched)
                row["share_of_peak"] = operations / row["seconds"]["own"]["median"] / peak
                print(f"{'':24}{row['share_of_peak']:.0%} of the peak")
                rows.append(row)
    return rows


def _row(name, shape, contestants, budget, operations, touched):
    """Time a product, ours on all cores too; at least ``touched`` bytes are read and written."""
    with threadpool_limits(1, "blas"), limit(1):
        turns = interleave(contestants, budget=budget, rest=0, turn=0.01)
    own = {ALL_CORES: contestants["own"]}
    turns |= interleave(own, budget=budget / 3, rest=0, turn=0.01)
    row = {
        "product": name,
        "shape": shape,
        "operations": operations,
        "bytes": touched,
        "seconds": {who: summary(t) for who, t in turns.items()},
        "ours_times_as_fast": times_as_fast(turns["own"], {"NumPy": turns["NumPy"]})["NumPy"],
    }
    speeds = {who: 1e-9 * operations / s["median"] for who, s in row["seconds"].items()}
    print(
        f"  {name:22} {shape!s:20} own {speeds['own']:6.1f}, NumPy {speeds['NumPy']:6.1f} billion "
        f"operations per second, ratio {row['ours_times_as_fast']['median']:.2f}; "
        f"{ALL_CORES} {speeds[ALL_CORES]:6.1f}"
    )
    return row


def limits():
    """Measure one core's two limits: operations per second in L1, bytes per second from memory."""
    rows, depth = product.ROWS, 256
    width = product.VECTOR_BYTES // 2
    a, b = np.ones(rows * depth, np.float32), np.ones(depth * width, np.float32)
    c, x = np.empty(rows * width, np.float32), np.ones(2**26, np.float32)
    turns = interleave(
        {"tiles": lambda: _tiles(a, b, depth, c, width, 1000), "sum": lambda: _sum(x)},
        budget=1.0,
        rest=0,
        turn=0.02,
    )
    return {
        "operations_per_second": 2e3 * rows * depth * width / min(turns["tiles"]),
        "bytes_per_second": x.nbytes / min(turns["sum"]),
    }


@numba.njit
def _tiles(a, b, depth, c, width, times):
    for _ in range(times):
        product.tile(depth, a, 0, depth, 1, b, 0, width, c, 0, width, True)


@numba.njit(fastmath={"reassoc"})
def _sum(x):
    s = np.float32(0)
    for i in range(len(x)):
        s += x[i]
    return s


def draw(ax, rows, limits):
    """Draw the roofline and where each product lies below it; returns the axes."""
    peak, bandwidth = limits["operations_per_second"], limits["bytes_per_second"]
    intensity = np.geomspace(1, 1000, 100)
    roof = np.minimum(peak, intensity * bandwidth)
    ax.loglog(intensity, roof / 1e9, color="black", label="the limits of one core")
    for who, marker, colour in (("own", "o", "#0072B2"), ("NumPy", "x", "#D55E00")):
        x = [row["operations"] / row["bytes"] for row in rows]
        y = [1e-9 * row["operations"] / row["seconds"][who]["median"] for row in rows]
        ax.loglog(x, y, marker, color=colour, label=who, alpha=0.8)
    ax.set(xlabel="operations per byte", ylabel="billions of operations per second")
    ax.legend()
    return ax
