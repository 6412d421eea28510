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
    """Write an array in one byte a number, or in four, as text; ``unpack`` in kit.js reads it.

    Parameters
    ----------
    array : array
    kind : {"int8", "float32"}
        With ``"int8"`` a number is off by at most 1/254 of the largest.

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
    check_choice("kind", kind, ("int8", "float32"))
    array = np.asarray(array, np.float64)
    scale = float(np.abs(array).max(initial=0) / 127) or 1.0 if kind == "int8" else 1.0
    numbers = (array / scale).round() if kind == "int8" else array
    raw = numbers.astype("<f4" if kind == "float32" else np.int8).tobytes()
    return {"shape": [*array.shape], "scale": scale, kind: base64.b64encode(raw).decode()}
