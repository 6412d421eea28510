"""Distances along the data instead of through empty space, from the graph of neighbours."""

import numpy as np
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph

from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.utils import check_integer, check_matrix


def geodesic_order(X: ArrayLike, n_neighbors: int = 8) -> IntArray:
    """Order the points of a curve as one walks along it, using nothing but the points.

    Every point is joined to its nearest neighbours, and a distance is the length of the
    shortest path over these joints (Tenenbaum et al. 2000). The point farthest from any point
    is one end, the point farthest from that the other. The walk begins at the end that is
    nearer to the mean of the data, from which a spiral winds outwards.

    The graph needs N x N distances: it is for some thousand points.

    Parameters
    ----------
    X : (N, D) array
        On data that is not a curve the order is by distance from one extreme point.
    n_neighbors : int
        Joints of each point, fewer than there are different points. With too many of them, too
        few points or much noise, the paths take short cuts from arm to arm.

    Returns
    -------
    order : (N,) int array
        Row numbers: ``X[order]`` walks from one end to the other.

    Raises
    ------
    TypeError, ValueError
        If ``X`` is not a finite 2-D array or ``n_neighbors`` is not such an integer.

    Examples
    --------
    >>> geodesic_order([[0.0], [4.0], [1.0], [2.0]], n_neighbors=2)
    array([0, 2, 3, 1])
    """
    # Repeated points count once: in a sparse graph, a joint of length 0 is no joint.
    X, position = np.unique(check_matrix("X", X), axis=0, return_inverse=True)
    n_neighbors = check_integer("n_neighbors", n_neighbors, minimum=1, maximum=len(X) - 1)
    graph = kneighbors_graph(X, n_neighbors, mode="distance")
    # A gap in the data can split the graph; the shortest tree through all points mends that.
    graph = graph.maximum(minimum_spanning_tree(pairwise_distances(X)))

    def distances_from(start: np.intp | int) -> FloatArray:
        return dijkstra(graph, directed=False, indices=start)  # (N,)

    one_end = np.argmax(distances_from(0))
    from_one_end = distances_from(one_end)
    other_end = np.argmax(from_one_end)
    from_mean = np.linalg.norm(X[[one_end, other_end]] - X.mean(axis=0), axis=1)
    walked = from_one_end if from_mean[0] <= from_mean[1] else distances_from(other_end)
    return np.argsort(walked[position], kind="stable")
