"""Matrices that keep account of the order in which they are read."""

import numpy as np


class Watched(np.ndarray):
    """A matrix that keeps account of the order in which it is read, and of whole products.

    A view of it, its transpose say, keeps account too: a place is known by its address. ``log``
    lists the ``places`` read, as (matrix, row, column), those that are shared by all matrices that
    were given one ``diary``; and the shapes that were handed to a ``products`` of NumPy's.
    """

    WHOLE = (np.dot, np.einsum, np.inner, np.vdot, np.tensordot, np.linalg.multi_dot)

    def __new__(cls, matrix, name="", diary=None):
        self = np.array(matrix, order="C").view(cls)
        start = self.__array_interface__["data"][0]
        diary = {"places": [], "products": []} if diary is None else diary
        self.log, self.origin = diary, (name, start, self.nbytes, self.shape[1])
        return self

    def __array_finalize__(self, parent):
        self.log, self.origin = getattr(parent, "log", None), getattr(parent, "origin", None)

    def __getitem__(self, key):
        part = super().__getitem__(key)
        if self.log is not None:
            name, _, _, columns = self.origin
            offsets = self._offsets()
            if offsets is not None:
                for offset in np.ravel(offsets[key]):
                    self.log["places"].append((name, *divmod(int(offset), columns)))
        return part

    def _offsets(self):
        """Return for each entry which one of the whole matrix it is; None for a copy's."""
        _, start, n_bytes, _ = self.origin
        here = self.__array_interface__["data"][0]
        if not start <= here < start + n_bytes:
            return None
        offsets = np.full(self.shape, here - start)
        for steps, stride in zip(np.indices(self.shape), self.strides, strict=True):
            offsets = offsets + steps * stride
        return offsets // self.itemsize

    def _keep_product(self, factors):
        shapes = [np.shape(factor) for factor in factors if np.ndim(factor)]
        self.log["products"].append(shapes)

    def dot(self, other, out=None):
        return np.dot(self, other)

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        if ufunc is np.matmul:
            self._keep_product(inputs)
        if out:
            kwargs["out"] = tuple(np.asarray(array) for array in out)
        return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if function in self.WHOLE:
            self._keep_product([arg for arg in args if isinstance(arg, np.ndarray)])
            return function(*map(_plain, args), **kwargs)
        return super().__array_function__(function, types, args, kwargs)


def _plain(value):
    return np.asarray(value) if isinstance(value, Watched) else value


def innermost(places):
    """Say which index changes fastest in a product A @ B, by the places that were read.

    Parameters
    ----------
    places : list of (str, int, int)
        In the order of reading; the matrices are "A" and "B".

    Returns
    -------
    {"i", "j", "k", None}
        None if B was not read.
    """
    moves = {"i": 0, "j": 0, "k": 0}
    last = {}
    for name, row, column in places:
        before = last.get(name, (row, column))
        last[name] = row, column
        if name == "A":
            moves["i"] += row != before[0]
        elif row != before[0]:
            moves["k"] += 1  # down the columns of B
        else:
            moves["j"] += column != before[1]
    if "B" not in last:
        return None
    return max("jki", key=lambda index: moves[index])  # j, where two are alike
