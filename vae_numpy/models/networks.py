"""The networks of the estimators: convolutions and dense layers down, the same mirrored up."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from vae_numpy._types import DTypeLike
from vae_numpy.convolution import Conv2D, ConvTranspose2D
from vae_numpy.layers import Dense, Sequential
from vae_numpy.models.checks import hidden_sizes
from vae_numpy.utils import check_integer

# Burgess et al. 2018, appendix A.1: with these a layer halves height and width.
CONVOLUTION: dict[str, Any] = {"kernel_size": 4, "stride": 2, "padding": 1}


def stack(
    sizes: Sequence[int],
    activation: str,
    *,
    pictures: Sequence[tuple[int, ...]] = (),
    up: bool = False,
    rng: np.random.Generator,
    dtype: DTypeLike,
) -> Sequential:
    """Stack layers, convolutions through ``pictures`` and then dense ones through ``sizes``.

    Parameters
    ----------
    sizes : sequence of int
        The first is the size of the last picture, if there are any.
    activation : str
        Of all layers but the last.
    pictures : sequence of (C, H, W)
        From the largest to the smallest.
    up : bool
        Whether the dense layers come first, and then transposed convolutions from the smallest
        picture to the largest. The last of ``sizes`` is then the size of the smallest picture.
    rng : numpy.random.Generator
    dtype : float32 or float64

    Returns
    -------
    network : Sequential
    """
    convolution: Any = ConvTranspose2D if up else Conv2D
    convolutions: list[Any] = [
        partial(convolution, large, small[0], **CONVOLUTION) for large, small in pairwise(pictures)
    ]
    dense: list[Any] = [partial(Dense, n_in, n_out) for n_in, n_out in pairwise(sizes)]
    makers = dense + convolutions[::-1] if up else convolutions + dense
    activations = [activation] * (len(makers) - 1) + ["identity"]
    return Sequential(
        [
            make(activation=f, rng=rng, dtype=dtype)
            for make, f in zip(makers, activations, strict=True)
        ]
    )


def pictures_between(
    image_shape: Sequence[int] | None, conv_channels: int | Sequence[int], n_features: int
) -> list[tuple[int, ...]]:
    """List the shapes (C, H, W) that pictures have before, between and after the convolutions.

    Parameters
    ----------
    image_shape : None, (H, W) or (C, H, W)
    conv_channels : int or tuple of int
    n_features : int

    Returns
    -------
    shapes : list of tuple of int
        One more than there are convolutions; (n_features,) alone without ``image_shape``.

    Raises
    ------
    ValueError, TypeError
        If one of the two arguments is not as above, or they fit neither ``n_features`` nor each
        other.
    """
    channels = hidden_sizes("conv_channels", conv_channels)
    if image_shape is None:
        if channels:
            raise ValueError(f"image_shape must be given with conv_channels={conv_channels!r}")
        return [(n_features,)]
    shape = _image_shape(image_shape, n_features)
    shapes: list[tuple[int, ...]] = [shape]
    for n_out in channels:
        _, height, width = shapes[-1]
        if min(height, width) < 2:
            raise ValueError(
                f"conv_channels must have at most {len(shapes) - 1} entries for pictures of "
                f"{shape[1]} x {shape[2]}, since each halves them, got {len(channels)}"
            )
        shapes.append((n_out, height // 2, width // 2))
    return shapes


def _image_shape(image_shape: Sequence[int], n_features: int) -> tuple[int, ...]:
    wanted = "image_shape must be (height, width) or (channels, height, width)"
    try:
        shape = tuple(image_shape)
    except TypeError:
        raise TypeError(f"{wanted}, got {image_shape!r}") from None
    if len(shape) not in (2, 3):
        raise ValueError(f"{wanted}, got {image_shape!r}")
    shape = (1,) * (3 - len(shape)) + tuple(
        check_integer("image_shape", n, minimum=1) for n in shape
    )
    if math.prod(shape) != n_features:
        product = " x ".join(map(str, image_shape))
        raise ValueError(
            f"image_shape must multiply to the number of features, {n_features}, got {product} = "
            f"{math.prod(shape)}"
        )
    return shape
