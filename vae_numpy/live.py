"""What a chapter's cell hands to the live figures of its page: numbers, and a picture of itself.

In a notebook the cell shows what it publishes; on the page the directive ``live`` picks it up.
"""

import base64
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from vae_numpy._types import ArrayLike
from vae_numpy.utils import check_choice

# Each kind of number, as NumPy writes it, and how many steps it has from 0 to the largest.
KINDS = {"int8": ("i1", 127), "int16": ("<i2", 32767), "float32": ("<f4", None)}


def publish(name: str, thing: Any) -> None:
    """Show a figure, or data that JSON can hold, under a name for ``:picture:`` or ``:data:``.

    Parameters
    ----------
    name : str
        Once in a page.
    thing : Figure, dict or list
        A figure is closed after it was shown.

    Examples
    --------
    >>> publish("two-numbers", {"numbers": [1, 2]})  # doctest: +SKIP
    """
    mark = {"scrapbook": {"name": name, "mime_prefix": ""}}  # as myst-nb's glue writes it
    if isinstance(thing, Figure):
        display(thing, metadata=mark)
        plt.close(thing)
    else:
        display({"application/json": thing}, raw=True, metadata=mark)


def pack(array: ArrayLike, kind: str = "int8") -> dict[str, Any]:
    """Write an array in one, two or four bytes a number, as text; ``unpack`` in kit.js reads it.

    Parameters
    ----------
    array : array
    kind : {"int8", "int16", "float32"}
        With ``"int8"`` a number is off by at most 1/254 of the largest, with ``"int16"`` by at most
        1/65534 of it.

    Returns
    -------
    packed : dict
        ``shape``, ``scale`` and, under the name of the kind, the numbers over the scale in base64.

    Raises
    ------
    ValueError
        If ``kind`` is another one.

    Examples
    --------
    >>> pack([[1.0, -2.0]])
    {'shape': [1, 2], 'scale': 0.015748031496062992, 'int8': 'QIE='}
    """
    check_choice("kind", kind, tuple(KINDS))
    array = np.asarray(array, np.float64)
    dtype, steps = KINDS[kind]
    scale = float(np.abs(array).max(initial=0) / steps) or 1.0 if steps else 1.0
    numbers = (array / scale).round() if steps else array
    raw = numbers.astype(dtype).tobytes()
    return {"shape": [*array.shape], "scale": scale, kind: base64.b64encode(raw).decode()}
