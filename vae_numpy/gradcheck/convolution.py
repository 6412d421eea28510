"""What people get wrong in a convolution, written out as in ``known_mistakes``."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from vae_numpy._types import ArrayLike
from vae_numpy.gradcheck.consultation import Operation, as_float64, consult
from vae_numpy.gradcheck.doctor import Diagnosis
from vae_numpy.gradcheck.known_mistakes import wrong_activations
from vae_numpy.kernels import reference
from vae_numpy.utils import check_choice, check_integer


def _loss(x, W, b, dy, activation, stride, padding):
    return np.sum(reference.conv_forward(x, W, b, activation, stride, padding) * dy)


def _gradients(x, W, b, dy, activation, stride, padding):
    y = reference.conv_forward(x, W, b, activation, stride, padding)
    _, derivative = reference.ACTIVATIONS[activation]
    gradients = _from_da(x, W, dy * derivative(y), stride, padding)
    if b is None:
        del gradients["db"]
    return gradients


def _from_da(x, W, da, stride, padding):
    dW, db = np.zeros_like(W), np.zeros(W.shape[3])
    dx = reference.conv_backward(da, x, da, W, "identity", stride, padding, dW, db)
    return {"dW": dW, "db": db, "dx": dx}


def _suspects(x, W, b, dy, activation, stride, padding):
    _, derivative = reference.ACTIVATIONS[activation]

    def a_of(W, b):
        return reference.conv_forward(x, W, b, "identity", stride, padding)

    da = dy * derivative(reference.conv_forward(x, W, b, activation, stride, padding))
    suspects = []
    if b is not None:
        unused = {"db": np.zeros_like(b)}
        suspects.append(("forgotten_bias", "is 0: the bias gets no gradient", unused))
    for mistake, message, wrong in wrong_activations(a_of(W, b), a_of(W, None), dy, activation):
        suspects.append((mistake, message, _from_da(x, W, wrong, stride, padding)))
    for family in (_flipped, _misplaced, _without_stride, _wrong_sums, _overwritten, _rearranged):
        suspects += family(x, W, da, stride, padding)
    return suspects


def _padded(x, before, after):
    edge = before, after
    return np.pad(x, ((0, 0), (0, 0), edge, edge))


def _cut_off(x, padding, shape):
    rows, columns = (slice(padding, padding + n) for n in shape[2:])
    return x[:, :, rows, columns]


def _flipped(x, W, da, stride, padding):
    """List the suspects that turn the kernel, as mathematicians' convolution does."""
    right = _from_da(x, W, da, stride, padding)
    turned = _from_da(x, W[:, ::-1, ::-1], da, stride, padding)
    yield (
        "flipped_kernel",
        "is flipped: y takes the kernel as it is, and so does the way back; with patches put down "
        "where they were taken, nothing is turned",
        {"dW": right["dW"][:, ::-1, ::-1], "dx": turned["dx"]},
    )


def _misplaced(x, W, da, stride, padding):
    """List the suspects that put the padding on one side, or leave it on."""
    if padding == 0:
        return
    both = 2 * padding
    for before, after, where in [(both, 0, "top and left"), (0, both, "bottom and right")]:
        wrong = _from_da(_padded(x, before, after), W, da, stride, 0)
        message = f"has all the padding at the {where}: {padding} belong on each side"
        dx = _cut_off(wrong["dx"], before, x.shape)
        yield "one_sided_padding", message, {"dW": wrong["dW"], "dx": dx}
    whole = _from_da(_padded(x, padding, padding), W, da, stride, 0)["dx"]
    message = f"still has the padding around it: cut off {padding} pixels on each side"
    yield "padding_kept", message, {"dx": whole}


def _without_stride(x, W, da, stride, padding):
    """List the suspects that go from patch to patch in steps of one pixel."""
    if stride == 1:
        return
    padded = _padded(x, padding, padding)
    kernel, patches = W.shape[1:3], da.shape[2:]
    height, width = (n + k - 1 for n, k in zip(patches, kernel, strict=True))
    wrong = _from_da(padded[:, :, :height, :width], W, da, 1, 0)
    dx = np.zeros_like(padded)
    dx[:, :, :height, :width] = wrong["dx"]
    yield (
        "stride_forgotten",
        f"forgets the stride: the patches are {stride} pixels apart, not 1",
        {"dW": wrong["dW"], "dx": _cut_off(dx, padding, x.shape)},
    )


def _wrong_sums(x, W, da, stride, padding):
    """List the suspects that sum over too many axes, too few, or others."""
    wanted = "is summed over the wrong axes: db must sum da, (N, C', H', W'), over axes 0, 2 and 3"
    for summed in product([False, True], repeat=4):
        axes = tuple(axis for axis in range(4) if summed[axis])
        if axes != (0, 2, 3):
            yield "wrong_axis", wanted, {"db": da.sum(axis=axes)}
    for axes, of in [((0, 2, 3), "pixels and pictures"), ((2, 3), "pixels")]:
        averaged = da.mean(axis=axes).reshape(-1, W.shape[3]).sum(axis=0)
        yield "wrong_axis", f"is averaged over {of}, which must be summed", {"db": averaged}
    for picture, which in [(slice(1), "first"), (slice(-1, None), "last")]:
        one = _from_da(x[picture], W, da[picture], stride, padding)
        message = f"is that of the {which} picture alone: it must be summed over the batch"
        yield "wrong_axis", message, {"dW": one["dW"], "db": one["db"]}


def _overwritten(x, W, da, stride, padding):
    """List the suspects that write with = where patch after patch must be added with +=."""
    kh, kw = W.shape[1:3]
    padded = _padded(x, padding, padding)
    dx = np.zeros_like(padded)
    for p in range(da.shape[2]):
        for q in range(da.shape[3]):
            at = np.s_[:, :, p * stride : p * stride + kh, q * stride : q * stride + kw]
            dx[at] = np.einsum("no,cijo->ncij", da[:, :, p, q], W)
    last = {
        "dW": np.einsum("ncij,no->cijo", padded[at], da[:, :, -1, -1]),
        "db": da[:, :, -1, -1].sum(axis=0),
        "dx": _cut_off(dx, padding, x.shape),
    }
    yield "overwritten", "is written over by patch after patch: add with +=", last


def _rearranged(x, W, da, stride, padding):
    """List the suspects with the axes of the weights in another order."""
    dW = _from_da(x, W, da, stride, padding)["dW"]
    for axes, order in [((3, 0, 1, 2), "(C', C, kh, kw)"), ((0, 2, 1, 3), "(C, kw, kh, C')")]:
        message = f"has the right numbers as {order}: W is (C, kh, kw, C')"
        yield "transposed", message, {"dW": dW.transpose(axes)}


_CONVOLUTION = Operation({"dW": "W", "db": "b", "dx": "x"}, _loss, _gradients, _suspects)


def diagnose_convolution(
    gradients: dict[str, ArrayLike] | Callable[[], dict[str, ArrayLike]],
    x: ArrayLike,
    W: ArrayLike,
    b: ArrayLike | None,
    dy: ArrayLike,
    *,
    stride: int = 1,
    padding: int = 0,
    activation: str = "identity",
    previous: dict[str, ArrayLike] | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Diagnose the gradients of a convolution y = f(patches of x times W + b).

    Parameters
    ----------
    gradients : dict, or callable
        Any of ``"dW"``, ``"db"`` and ``"dx"``; see ``diagnose_dense``.
    x : (N, C, H, W)
    W : (C, kh, kw, C')
    b : (C',) or None
    dy : (N, C', H', W')
        The gradient of the loss in y.
    stride, padding : int
        As of ``convolution.Conv2D``.
    activation : str
        As of ``layers.Dense``.
    previous : dict
        See ``diagnose_dense``.
    tolerance : float
        As of ``diagnose``.

    Returns
    -------
    diagnosis : Diagnosis
        Of the first wrong gradient; one with a name goes before one without.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """
    check_choice("activation", activation, reference.ACTIVATIONS)
    geometry: dict[str, Any] = {
        "stride": check_integer("stride", stride, minimum=1),
        "padding": check_integer("padding", padding, minimum=0),
    }
    arrays = as_float64(x=x, W=W, b=b, dy=dy)
    _check_shapes(**arrays, **geometry)
    return consult(
        _CONVOLUTION,
        gradients,
        arrays | {"activation": activation} | geometry,
        n_features=(arrays["W"].shape[3], arrays["dy"][0, 0].size),
        previous=previous,
        tolerance=tolerance,
    )


def _check_shapes(x, W, b, dy, stride, padding):
    if x.ndim != 4 or W.ndim != 4 or x.shape[1] != W.shape[0]:
        raise ValueError(
            f"x and W must be (N, C, H, W) and (C, kh, kw, C'), got {x.shape} and {W.shape}"
        )
    if b is not None and b.shape != W.shape[3:]:
        raise ValueError(f"b must have shape {W.shape[3:]}, got {b.shape}")
    patches = [
        (n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], W.shape[1:3], strict=True)
    ]
    shape = len(x), W.shape[3], *patches
    if min(patches) < 1 or dy.shape != shape:
        raise ValueError(f"dy must have the shape of y, {shape}, got {dy.shape}")
