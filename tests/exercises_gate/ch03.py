"""Wrong answers to chapter 3's exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake
from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import squared_error
from vae_numpy.optimisers import Adam
from vae_numpy.training import minibatches

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


# 3.5 Find the bug


@mistake(
    "3.5",
    "the bug is still there: the batch's gradient is added once for each row",
    told="added once for every row",
)
def loop_left_in(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db, dV, dc = (np.zeros_like(array) for array in (W, b, V, c))
    for _ in x:
        dW += x.T @ da
        db += da.sum(axis=0)
        dV += z.T @ dx_hat
        dc += dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake(
    "3.5", "the loop is gone, and 1/N with it: N times too far", told="the 1/N of the mean is gone"
)
def one_over_n_dropped(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db = x.T @ da, da.sum(axis=0)
    dV, dc = z.T @ dx_hat, dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake("3.5", "1/N is dropped and the loop is kept: N^2 times too far", told="N^2 times too long")
def one_over_n_for_the_loop(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db, dV, dc = (np.zeros_like(array) for array in (W, b, V, c))
    for _ in x:
        dW += x.T @ da
        db += da.sum(axis=0)
        dV += z.T @ dx_hat
        dc += dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake("3.5", "divided by N twice", told="it is divided by N twice")
def one_over_n_twice(x, W, b, V, c, eta):
    N = len(x)
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / N
    dx_hat = 2 / N * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db = x.T @ da / N, da.sum(axis=0) / N
    dV, dc = z.T @ dx_hat / N, dx_hat.sum(axis=0) / N
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake(
    "3.5", "the caller's arrays are changed in place", told="the argument W is changed in place"
)
def arrays_in_place(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    W -= eta * x.T @ da
    b -= eta * da.sum(axis=0)
    V -= eta * z.T @ dx_hat
    c -= eta * dx_hat.sum(axis=0)
    return W, b, V, c, loss


@mistake(
    "3.5",
    "the biases are still added up once for each row",
    told="the steps of b and c are N times too long",
)
def biases_left_in_the_loop(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, dV = x.T @ da, z.T @ dx_hat
    db, dc = np.zeros_like(b), np.zeros_like(c)
    for _ in x:
        db += da.sum(axis=0)
        dc += dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake(
    "3.5",
    "only the last row has its say: = instead of += in a loop over single rows",
    told="only the last row has its say",
)
def last_row_only(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    for n in range(len(x)):
        dW, db = np.outer(x[n], da[n]), da[n]
        dV, dc = np.outer(z[n], dx_hat[n]), dx_hat[n]
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake(
    "3.5",
    "the biases' gradients are averaged over the rows, which dx_hat has done already",
    told="the steps of b and c are N times too short",
)
def biases_averaged(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db = x.T @ da, da.mean(axis=0)
    dV, dc = z.T @ dx_hat, dx_hat.mean(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake("3.5", "the loss is averaged over the features, too", told="the features are summed")
def loss_over_everything(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.mean(error**2)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db = x.T @ da, da.sum(axis=0)
    dV, dc = z.T @ dx_hat, dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


@mistake(
    "3.5",
    "the encoder's gradient goes back through the new V",
    told="V has moved when the encoder asks for it",
)
def back_through_the_new_V(x, W, b, V, c, eta):
    z = np.tanh(x @ W + b)
    error = z @ V + c - x
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    V = V - eta * z.T @ dx_hat
    c = c - eta * dx_hat.sum(axis=0)
    da = dx_hat @ V.T * (1 - z**2)
    return W - eta * x.T @ da, b - eta * da.sum(axis=0), V, c, loss


# 3.6 Adam for a whole network


class GivenSettings:
    """Keeps the settings and begins at t = 0, with no memory."""

    def __init__(self, eta=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.eta, self.beta1, self.beta2, self.eps = eta, beta1, beta2, eps
        self.t = 0
        self.m = self.v = None

    def remember(self, values):
        """Make a memory for each array at the first step."""
        if self.m is None:
            self.m = [np.zeros_like(value) for value in values]
            self.v = [np.zeros_like(value) for value in values]


@mistake(
    "3.6",
    "new arrays are put into the list: the caller's never move",
    told="new arrays are put into the list",
)
class ReplacesInTheList(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for i in range(len(values)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grads[i]
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grads[i] ** 2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            values[i] = values[i] - self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6",
    "the moved array is a new one under the old name: the caller's never move",
    told="the values have not moved",
)
class RebindsTheName(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value = value - self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6", "the average gradient lags: m is updated after the array has moved", told="m lags behind"
)
class LaggingAverage(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad


@mistake(
    "3.6", "beta times t instead of beta to the power of t", told="the correction has beta * t"
)
class TimesInsteadOfPower(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1 * self.t)
            v_hat = self.v[i] / (1 - self.beta2 * self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6", "t is counted for each array instead of each step", told="t counts arrays, not steps"
)
class CountsInTheLoop(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.t += 1
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6",
    "the start is not mended: no division by 1 - beta^t",
    told="the averages are not corrected",
)
class StartNotMended(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            value -= self.eta * self.m[i] / (np.sqrt(self.v[i]) + self.eps)


@mistake("3.6", "m and v are the same list", told="m and v are one memory")
class OneListForBoth(GivenSettings):
    def step(self, values, grads):
        if self.m is None:
            self.m = self.v = [np.zeros_like(value) for value in values]
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(np.abs(v_hat)) + self.eps)


@mistake(
    "3.6",
    "nothing is remembered: both averages begin anew at each step",
    told="nothing is remembered",
)
class ForgetsBetweenSteps(GivenSettings):
    def step(self, values, grads):
        self.t += 1
        for value, grad in zip(values, grads, strict=True):
            m, v = np.zeros_like(value), np.zeros_like(value)
            m = self.beta1 * m + (1 - self.beta1) * grad
            v = self.beta2 * v + (1 - self.beta2) * grad**2
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6",
    "the caller's gradients are squared in place",
    told="the argument grads is changed in place",
)
class SquaresTheGradients(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for value, grad, m, v in zip(values, grads, self.m, self.v, strict=True):
            m += (1 - self.beta1) * (grad - m)
            grad *= grad
            v += (1 - self.beta2) * (grad - v)
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6",
    "the memory belongs to the class: two optimisers share it",
    told="keep m, v and t in self",
)
class SharedMemory:
    m, v = {}, {}

    def __init__(self, eta=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.eta, self.beta1, self.beta2, self.eps = eta, beta1, beta2, eps
        self.t = 0

    def step(self, values, grads):
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m.get(i, 0) + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v.get(i, 0) + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


@mistake(
    "3.6",
    "the root is forgotten: divided by v instead of its square root",
    told="the root is missing",
)
class RootForgotten(GivenSettings):
    def step(self, values, grads):
        self.remember(values)
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * grad**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (v_hat + self.eps)


# 3.7 Project: bend it yourself

judged_otherwise("3.7", "a training: a cause is what its two functions show, on hundreds of points")


def halves(rng, activation="tanh", last="identity", n_latents=1):
    """Return an encoder and a decoder, two hidden layers of 32 units in each."""
    encoder = [
        Dense(2, 32, activation, rng=rng),
        Dense(32, 32, activation, rng=rng),
        Dense(32, n_latents, rng=rng),
    ]
    decoder = [
        Dense(n_latents, 32, activation, rng=rng),
        Dense(32, 32, activation, rng=rng),
        Dense(32, 2, last, rng=rng),
    ]
    return Sequential(encoder), Sequential(decoder)


def trained(X, encoder, decoder, rng, epochs=100, eta=0.01):
    """Train the two halves together, with no mistake."""
    parameters = encoder.parameters() + decoder.parameters()
    optimiser = Adam(eta)
    for _ in range(epochs):
        for rows in minibatches(len(X), 50, rng=rng):
            x = X[rows]
            _, dx_hat = squared_error(decoder.forward(encoder.forward(x)), x)
            for parameter in parameters:
                parameter.zero_grad()
            encoder.backward(decoder.backward(dx_hat))
            optimiser.step(parameters)


@mistake("3.7", "the gradients are never put back to zero")
def zero_grad_forgotten(X, rng):
    encoder, decoder = halves(rng)
    parameters = encoder.parameters() + decoder.parameters()
    optimiser = Adam(0.01)
    for _ in range(100):
        for rows in minibatches(len(X), 50, rng=rng):
            x = X[rows]
            _, dx_hat = squared_error(decoder.forward(encoder.forward(x)), x)
            encoder.backward(decoder.backward(dx_hat))
            optimiser.step(parameters)
    return encoder.forward, decoder.forward


@mistake(
    "3.7",
    "a relu on the output: no coordinate can be negative",
    told="the decoder ends with a relu",
)
def relu_on_the_output(X, rng):
    encoder, decoder = halves(rng, last="relu")
    trained(X, encoder, decoder, rng)
    return encoder.forward, decoder.forward


@mistake("3.7", "no activation: the network is linear", told="encode and decode are straight")
def nothing_bends(X, rng):
    encoder, decoder = halves(rng, activation="identity")
    trained(X, encoder, decoder, rng)
    return encoder.forward, decoder.forward


@mistake("3.7", "two latents instead of one", told="wanted one number for each")
def two_latents(X, rng):
    encoder, decoder = halves(rng, n_latents=2)
    trained(X, encoder, decoder, rng)
    return encoder.forward, decoder.forward


@mistake("3.7", "trained for too short a time: two epochs")
def two_epochs(X, rng):
    encoder, decoder = halves(rng)
    trained(X, encoder, decoder, rng, epochs=2)
    return encoder.forward, decoder.forward


@mistake("3.7", "the learning rate is much too small")
def tiny_steps(X, rng):
    encoder, decoder = halves(rng)
    trained(X, encoder, decoder, rng, eta=1e-6)
    return encoder.forward, decoder.forward


@mistake("3.7", "compared with other rows than those that were encoded")
def wrong_rows(X, rng):
    encoder, decoder = halves(rng)
    parameters = encoder.parameters() + decoder.parameters()
    optimiser = Adam(0.01)
    for _ in range(100):
        for rows in minibatches(len(X), 50, rng=rng):
            x = X[rows]
            _, dx_hat = squared_error(decoder.forward(encoder.forward(x)), X[: len(x)])
            for parameter in parameters:
                parameter.zero_grad()
            encoder.backward(decoder.backward(dx_hat))
            optimiser.step(parameters)
    return encoder.forward, decoder.forward


@mistake(
    "3.7",
    "encode standardises with the mean and spread of whatever batch it is given",
    told="depends on the points beside it",
)
def standardised_by_the_batch(X, rng):
    encoder, decoder = halves(rng)
    m, s = X.mean(axis=0), X.std(axis=0)
    trained((X - m) / s, encoder, decoder, rng)
    return (
        lambda x: encoder.forward((x - x.mean(axis=0)) / x.std(axis=0)),
        lambda z: decoder.forward(z) * s + m,
    )


@mistake(
    "3.7",
    "codes and reconstructions of X are returned instead of the two functions",
    told="wanted two functions",
)
def arrays_not_functions(X, rng):
    encoder, decoder = halves(rng)
    trained(X, encoder, decoder, rng)
    Z = encoder.forward(X)
    return Z, decoder.forward(Z)


@mistake("3.7", "the halves are returned in the other order", told="in each other's place")
def decoder_first(X, rng):
    encoder, decoder = halves(rng)
    trained(X, encoder, decoder, rng)
    return decoder.forward, encoder.forward
