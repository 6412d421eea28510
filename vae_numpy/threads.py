"""How many threads BLAS may use while a network trains.

A network makes thousands of small products in a row. OpenBLAS shares each of them among all cores
and has its threads wait for each other by spinning: for small products there is little to gain,
and where another program takes one of the cores, each product waits for it, and training was
measured to take ten times as long.
"""

from contextlib import nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

WORTH_THREADS = 2**25  # multiplications in the largest product: about a third of a millisecond


@cache
def _controller():
    # Looking for the loaded libraries takes milliseconds: once is enough.
    return ThreadpoolController()


def blas_threads(multiplications):
    """Make a context in which BLAS uses one thread, unless products are as large as to want more.

    Parameters
    ----------
    multiplications : int
        In the largest product. The choice depends on nothing else, so that the same training
        gives the same bits however busy the machine is.
    """
    if multiplications > WORTH_THREADS:
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")
