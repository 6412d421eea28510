"""Wrong answers to chapter 3's first exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake

# 3.1 A softer way down


@mistake(
    "3.1",
    "e^y instead of e^a: the output is put where the input belongs",
    told="exp(y): the slope e^a has the input in it",
)
def exp_of_the_output(y):
    return np.where(y > 0, 1.0, np.exp(y))


@mistake("3.1", "the slope of the relu: zero below zero", told="as a relu's")
def slope_of_relu(y):
    return (y > 0) * 1.0


@mistake(
    "3.1",
    "y instead of y + 1 below zero: the -1 of the elu is forgotten",
    told="so e^a is y + 1 and not y",
)
def one_forgotten(y):
    return np.where(y > 0, 1, y)


@mistake("3.1", "the slope of tanh, 1 - y^2, below zero", told="is the slope of tanh")
def slope_of_tanh(y):
    return np.where(y > 0, 1.0, 1 - y**2)


@mistake("3.1", "1 - y instead of 1 + y: a sign is wrong", told="1 - y below zero has a wrong sign")
def one_minus_output(y):
    return np.where(y > 0, 1.0, 1 - y)


@mistake(
    "3.1", "the output instead of the slope 1 above zero", told="above zero this is the output"
)
def output_above_zero(y):
    return np.where(y > 0, y, y + 1)


@mistake("3.1", "the caller's y is changed in place", told="the argument y is changed in place")
def slope_in_place(y):
    positive = y > 0
    y[~positive] += 1
    y[positive] = 1
    return y


@mistake(
    "3.1",
    "the second mask is made after the first has changed the values: 1 everywhere",
    told="it is 1 everywhere",
)
def masks_in_sequence(y):
    slope = y.copy()
    slope[slope <= 0] += 1
    slope[slope > 0] = 1
    return slope


@mistake("3.1", "works for two dimensions only")
def two_loops(y):
    slope = np.ones(y.shape)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            if y[i, j] <= 0:
                slope[i, j] = y[i, j] + 1
    return slope


# 3.2 The same order


@mistake(
    "3.2",
    "one argsort: the rows in their order, not the ranks",
    told="argsort gives the rows in order",
)
def one_argsort(z, t):
    return abs(np.corrcoef(z.argsort(), t.argsort())[0, 1])


@mistake(
    "3.2",
    "the values are correlated, not their ranks",
    told="the values are correlated, not their ranks",
)
def values_correlated(z, t):
    return abs(np.corrcoef(z, t)[0, 1])


@mistake("3.2", "the sign is kept", told="the sign is kept")
def sign_kept(z, t):
    return np.corrcoef(z.argsort().argsort(), t.argsort().argsort())[0, 1]


@mistake("3.2", "the correlation is squared to lose its sign", told="the correlation is squared")
def correlation_squared(z, t):
    return np.corrcoef(z.argsort().argsort(), t.argsort().argsort())[0, 1] ** 2


@mistake(
    "3.2",
    "a falling order counts as none: negative values are cut off at 0",
    told="a falling code gets 0",
)
def cut_off_at_zero(z, t):
    return max(0.0, np.corrcoef(z.argsort().argsort(), t.argsort().argsort())[0, 1])


@mistake("3.2", "only the codes are ranked", told="the rank of z is correlated with the value of t")
def only_codes_ranked(z, t):
    return abs(np.corrcoef(z.argsort().argsort(), t)[0, 1])


@mistake(
    "3.2",
    "both are sorted, each on its own, which loses what belongs together",
    told="both are sorted, each on its own",
)
def both_sorted(z, t):
    return abs(np.corrcoef(np.sort(z), np.sort(t))[0, 1])


@mistake(
    "3.2",
    "Kendall's correlation: the pairs in the same order are counted",
    told="Kendall's correlation",
)
def pairs_counted(z, t):
    agree = np.sign(z[:, None] - z) * np.sign(t[:, None] - t)
    return abs(agree.sum()) / (len(z) * (len(z) - 1))


@mistake("3.2", "Spearman's short formula with N^3 instead of N (N^2 - 1)", told="divided by N^3")
def formula_misremembered(z, t):
    d = z.argsort().argsort() - t.argsort().argsort()
    return abs(1 - 6 * np.sum(d**2) / len(z) ** 3)


@mistake(
    "3.2",
    "the ranks are not centred: a cosine instead of a correlation",
    told="the mean of the ranks is not taken off",
)
def ranks_not_centred(z, t):
    a, b = z.argsort().argsort(), t.argsort().argsort()
    return abs(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


# 3.3 A layer that bends


class GivenLeaky:
    """What is given, and the right forward pass for those whose mistake is elsewhere."""

    def __init__(self, n_in, n_out, *, rng):
        self.W = rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)
        self.b = np.zeros(n_out)
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        a = x @ self.W + self.b
        self.x, self.y = x, np.where(a > 0, a, 0.01 * a)
        return self.y


@mistake(
    "3.3",
    "db is summed over the outputs, too: one number for all of b",
    told="db: it is summed over the outputs too",
)
class LeakyScalarBias(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW += self.x.T @ da
        self.db += da.sum()
        return da @ self.W.T


@mistake(
    "3.3",
    "db is taken from dy instead of da: it does not pass the activation",
    told="db: dy went past the activation",
)
class LeakyBiasFromOutput(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW += self.x.T @ da
        self.db += dy.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3",
    "dW is taken from dy instead of da: it does not pass the activation",
    told="dW: dy went past the activation",
)
class LeakyWeightsFromOutput(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW += self.x.T @ dy
        self.db += da.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3",
    "dL/dx is taken from dy instead of da: it does not pass the activation",
    told="dx: dy went past the activation",
)
class LeakyInputFromOutput(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW += self.x.T @ da
        self.db += da.sum(axis=0)
        return dy @ self.W.T


@mistake("3.3", "the slope goes by the sign of dy instead of a", told="chosen by the sign of dy")
class LeakySlopeOfGradient(GivenLeaky):
    def backward(self, dy):
        da = np.where(dy > 0, dy, 0.01 * dy)
        self.dW += self.x.T @ da
        self.db += da.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3", "the gradients are set instead of added to", told="overwrites the gradients of the first"
)
class LeakySets(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW = self.x.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3", "dW and db are divided by N, which dy has done already", told="dW: a mean over the rows"
)
class LeakyAverages(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        self.dW += self.x.T @ da / len(dy)
        self.db += da.mean(axis=0)
        return da @ self.W.T


@mistake(
    "3.3",
    "the whole batch's gradient is added once for each row: N times too large",
    told="dW: it is N times too large",
)
class LeakyOncePerRow(GivenLeaky):
    def backward(self, dy):
        da = dy * np.where(self.y > 0, 1, 0.01)
        for _ in self.x:
            self.dW += self.x.T @ da
            self.db += da.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3",
    "the slope of the relu in backward: zero instead of 0.01",
    told="the slope is 0 where y < 0",
)
class LeakyReluSlope(GivenLeaky):
    def backward(self, dy):
        da = dy * (self.y > 0)
        self.dW += self.x.T @ da
        self.db += da.sum(axis=0)
        return da @ self.W.T


@mistake(
    "3.3",
    "b is added after the activation instead of before",
    told="b is added after the activation",
)
class LeakyBiasOutside(GivenLeaky):
    def forward(self, x):
        a = x @ self.W
        self.x, self.a = x, a
        return np.where(a > 0, a, 0.01 * a) + self.b

    def backward(self, dy):
        da = dy * np.where(self.a > 0, 1, 0.01)
        self.dW += self.x.T @ da
        self.db += dy.sum(axis=0)
        return da @ self.W.T


# 3.4 On foot


def lengths(X):
    """Return the distance of every pair."""
    return np.linalg.norm(X[:, None] - X[None], axis=2)


def joined(apart, nearest):
    """Return the length of the joint from each row to its nearest, infinite where there is none."""
    joints = np.full(apart.shape, np.inf)
    for i in range(len(apart)):
        joints[i, nearest[i]] = apart[i, nearest[i]]
    return joints


def told_around(joints, start):
    """Return the shortest walks: every point tells its neighbours, until nobody learns."""
    walked = np.full(len(joints), np.inf)
    walked[start] = 0
    while True:
        shorter = np.minimum(walked, (walked[:, None] + joints).min(axis=0))
        if np.array_equal(shorter, walked):
            return walked
        walked = shorter


@mistake(
    "3.4",
    "stops as soon as everyone is reached, though shorter walks are still to come",
    told="it stops as soon as all are reached",
)
def stops_when_all_are_reached(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    joints = np.minimum(joints, joints.T)
    walked = np.full(len(X), np.inf)
    walked[start] = 0
    for _ in range(len(X)):
        if np.isfinite(walked).all():
            break
        walked = np.minimum(walked, (walked[:, None] + joints).min(axis=0))
    return walked


@mistake("3.4", "joints between mutual neighbours only", told="only where each of the two is near")
def mutual_neighbours(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    return told_around(np.maximum(joints, joints.T), start)


@mistake("3.4", "joints can be walked one way only", told="joints are used one way only")
def one_way_joints(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    return told_around(joints, start)


@mistake(
    "3.4",
    "each point is counted as its own neighbour: one joint too few",
    told="its own nearest neighbour",
)
def own_neighbour(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, :n_neighbors])
    return told_around(np.minimum(joints, joints.T), start)


@mistake(
    "3.4", "joints are counted, not their lengths added up", told="joints are counted, not measured"
)
def joints_counted(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    joints = np.minimum(joints, joints.T)
    joints[np.isfinite(joints)] = 1
    return told_around(joints, start)


@mistake(
    "3.4",
    "the square root is forgotten: squared lengths are added up",
    told="the squared lengths are added up",
)
def squared_joints(X, start, n_neighbors):
    apart = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    return told_around(np.minimum(joints, joints.T), start)


@mistake(
    "3.4",
    "too few rounds: as many as there are neighbours",
    told="as many joints at most as there are neighbours",
)
def as_many_rounds_as_neighbours(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    joints = np.minimum(joints, joints.T)
    walked = np.full(len(X), np.inf)
    walked[start] = 0
    for _ in range(n_neighbors):
        walked = np.minimum(walked, (walked[:, None] + joints).min(axis=0))
    return walked


@mistake("3.4", "start is ignored: the walks begin at row 0", told="the walks begin at row 0")
def always_from_row_zero(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    return told_around(np.minimum(joints, joints.T), 0)


@mistake(
    "3.4",
    "points that cannot be reached get 0 instead of infinity",
    told="points that cannot be reached get 0",
)
def unreached_at_zero(X, start, n_neighbors):
    apart = lengths(X)
    joints = joined(apart, np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1])
    walked = told_around(np.minimum(joints, joints.T), start)
    walked[np.isinf(walked)] = 0
    return walked


@mistake(
    "3.4",
    "the straight distance, not the way over the joints",
    told="the straight line through empty space",
)
def as_the_bird_flies(X, start, n_neighbors):
    return lengths(X)[start]
