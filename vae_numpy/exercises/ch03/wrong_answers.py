"""Answers to chapter 3's exercises as people give them."""

import numpy as np

from vae_numpy.exercises.register import right, wrong
from vae_numpy.models import Autoencoder


@wrong("3.1", "the slope e^a has the input in it")
def slope_by_input(y):
    return np.where(y > 0, 1, np.exp(y))


@wrong("3.1", "as a relu's")
def relu_slope(y):
    return np.where(y > 0, 1.0, 0.0)


@wrong("3.1", "applies the activation once more")
def activation_again(y):
    return np.where(y > 0, y, np.exp(y) - 1)


@wrong("3.1", "straight line, of slope 1")
def one_piece(y):
    return y + 1


@wrong("3.1", "raises ValueError")
def if_for_arrays(y):
    if y > 0:
        return 1
    return y + 1


@right("3.1")
def slope_without_where(y):
    return 1 + np.minimum(y, 0).astype(np.float32)


@wrong("3.2", "which comes first?")
def argsort_once(z, t):
    return abs(np.corrcoef(np.argsort(z), np.argsort(t))[0, 1])


@wrong("3.2", "the values are correlated, not their ranks")
def pearson(z, t):
    return abs(np.corrcoef(z, t)[0, 1])


@wrong("3.2", "the sign is kept")
def signed(z, t):
    return np.corrcoef(z.argsort().argsort(), t.argsort().argsort())[0, 1]


@wrong("3.2", "the value of t")
def ranks_of_one(z, t):
    return abs(np.corrcoef(z.argsort().argsort(), t)[0, 1])


@wrong("3.2", "an array of shape (2, 2)")
def whole_matrix(z, t):
    return abs(np.corrcoef(z.argsort().argsort(), t.argsort().argsort()))


@right("3.2")
def spearman_with_loops(z, t):
    n = len(z)
    d2 = sum((sum(a < z[i] for a in z) - sum(b < t[i] for b in t)) ** 2 for i in range(n))
    return np.abs(1 - 6 * d2 / (n**3 - n))


class _Leaky:
    """A right layer, to be spoilt in one place by each wrong one."""

    def __init__(self, n_in, n_out, *, rng):
        self.W, self.b = rng.normal(size=(n_in, n_out)), np.zeros(n_out)
        self.dW, self.db = np.zeros((n_in, n_out)), np.zeros(n_out)

    def forward(self, x):
        self.x, self.a = x, x @ self.W + self.b
        return np.maximum(self.a, 0.01 * self.a)

    def backward(self, dy):
        da = dy * self.slope(dy)
        self.dW += self.x.T @ da
        self.db += da.sum(axis=0)
        return da @ self.W.T

    def slope(self, dy):
        return np.where(self.a > 0, 1, 0.01)


@wrong("3.3", "overwrites the gradients of the first")
class Overwrites(_Leaky):
    def backward(self, dy):
        da = dy * self.slope(dy)
        self.dW = self.x.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


@wrong("3.3", "chosen by the sign of dy")
class SlopeOfGradient(_Leaky):
    def slope(self, dy):
        return np.where(dy > 0, 1, 0.01)


@wrong("3.3", "dW: dy went past the activation")
class NoSlope(_Leaky):
    def slope(self, dy):
        return 1.0


@wrong("3.3", "dx: dy went past the activation")
class NoSlopeForTheInput(_Leaky):
    def backward(self, dy):
        super().backward(dy)
        return dy @ self.W.T


@wrong("3.3", "a mean over the rows")
class MeanBias(_Leaky):
    def backward(self, dy):
        da = dy * self.slope(dy)
        self.dW += self.x.T @ da
        self.db += da.mean(axis=0)
        return da @ self.W.T


@wrong("3.3", "below zero the leaky one keeps")
class Relu(_Leaky):
    def forward(self, x):
        return np.maximum(super().forward(x), 0)


@wrong("3.3", "an optimiser moves")
class MovesItself(_Leaky):
    def backward(self, dy):
        dx = super().backward(dy)
        self.W -= 0.1 * self.dW
        self.b -= 0.1 * self.db
        return dx


@wrong("3.3", "dy is changed in place")
class SpoilsTheGradient(_Leaky):
    def backward(self, dy):
        dy[self.a <= 0] *= 0.01
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


@right("3.3")
class LeakyWithLoops(_Leaky):
    def backward(self, dy):
        dx = np.zeros(self.x.shape)
        for n, j in np.ndindex(dy.shape):
            da = dy[n, j] if self.a[n, j] > 0 else 0.01 * dy[n, j]
            self.dW[:, j] += self.x[n] * da
            self.db[j] += da
            dx[n] += self.W[:, j] * da
        return dx


def _relax(joints, start):
    walked = np.full(len(joints), np.inf)
    walked[start] = 0
    for _ in joints:
        walked = np.minimum(walked, (walked[:, None] + joints).min(axis=0))
    return walked


def _one_way_joints(X, k):
    apart = np.linalg.norm(X[:, None] - X, axis=2)
    joints = np.full_like(apart, np.inf)
    for i, row in enumerate(apart):
        near = row.argsort()[1 : k + 1]
        joints[i, near] = row[near]
    return joints


@wrong("3.4", "straight line through empty space")
def straight_distance(X, start, n_neighbors):
    return np.linalg.norm(X - X[start], axis=1)


@wrong("3.4", "one way only")
def one_way(X, start, n_neighbors):
    return _relax(_one_way_joints(X, n_neighbors), start)


@wrong("3.4", "joints are counted")
def count_joints(X, start, n_neighbors):
    joints = _one_way_joints(X, n_neighbors)
    joints = np.minimum(joints, joints.T)
    return _relax(np.where(np.isinf(joints), joints, 1), start)


@wrong("3.4", "only one step was taken")
def first_ring(X, start, n_neighbors):
    joints = _one_way_joints(X, n_neighbors)
    walked = np.minimum(joints, joints.T)[start]
    walked[start] = 0
    return walked


@wrong("3.4", "its own nearest neighbour")
def itself_a_neighbour(X, start, n_neighbors):
    joints = _one_way_joints(X, n_neighbors - 1)
    return _relax(np.minimum(joints, joints.T), start)


@right("3.4")
def by_a_queue(X, start, n_neighbors):
    import heapq

    joints = _one_way_joints(X, n_neighbors)
    walked, queue = [float("inf")] * len(X), [(0.0, start)]
    while queue:
        length, i = heapq.heappop(queue)
        if length < walked[i]:
            walked[i] = length
            for j in range(len(X)):
                joint = min(joints[i, j], joints[j, i])
                if joint < np.inf:
                    heapq.heappush(queue, (length + joint, j))
    return walked


def _gradients(x, W, b, V, c, slope=lambda z, a: 1 - z**2):
    a = x @ W + b
    z = np.tanh(a)
    error = z @ V + c - x
    d = 2 * error / len(x)
    da = d @ V.T * slope(z, a)
    return np.sum(error**2) / len(x), (x.T @ da, da.sum(0), z.T @ d, d.sum(0))


@wrong("3.5", "V has moved when the encoder asks for it")
def moved_decoder(x, W, b, V, c, eta):
    loss, (_, _, dV, dc) = _gradients(x, W, b, V, c)
    _, (dW, db, _, _) = _gradients(x, W, b, V, c)
    z = np.tanh(x @ W + b)
    d = 2 * (z @ V + c - x) / len(x)
    da = d @ (V - eta * dV).T * (1 - z**2)
    return W - eta * x.T @ da, b - eta * da.sum(0), V - eta * dV, c - eta * dc, loss


@wrong("3.5", "z is computed again with the new W")
def moved_encoder(x, W, b, V, c, eta):
    loss, (dW, db, _, _) = _gradients(x, W, b, V, c)
    W, b = W - eta * dW, b - eta * db
    _, (_, _, dV, dc) = _gradients(x, W, b, V, c)
    return W, b, V - eta * dV, c - eta * dc, loss


@wrong("3.5", "here the input went in")
def slope_of_the_input(x, W, b, V, c, eta):
    loss, grads = _gradients(x, W, b, V, c, slope=lambda z, a: 1 - a**2)
    return *(p - eta * g for p, g in zip((W, b, V, c), grads, strict=True)), loss


@wrong("3.5", "once for every row")
def once_for_every_row(x, W, b, V, c, eta):
    loss, grads = _gradients(x, W, b, V, c)
    for _ in x:
        W, b, V, c = (p - eta * g for p, g in zip((W, b, V, c), grads, strict=True))
    return W, b, V, c, loss


@wrong("3.5", "W is changed in place")
def in_place(x, W, b, V, c, eta):
    loss, grads = _gradients(x, W, b, V, c)
    for p, g in zip((W, b, V, c), grads, strict=True):
        p -= eta * g
    return W, b, V, c, loss


@right("3.5")
def encoder_first(x, W, b, V, c, eta):
    z = np.tanh(np.dot(x, W) + b)
    d = (2 * eta / len(x)) * (z @ V + c - x)
    da = (d @ V.T) * (1 - z) * (1 + z)
    loss = ((z @ V + c - x) ** 2).sum(axis=1).mean()
    return [W - x.T @ da, b - da.sum(axis=0), V - z.T @ d, c - d.sum(axis=0), loss]


class _Adam:
    """A right Adam, to be spoilt in one place by each wrong one."""

    def __init__(self, eta=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.eta, self.beta1, self.beta2, self.eps = eta, beta1, beta2, eps
        self.t, self.memory = 0, {}

    def step(self, values, grads):
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            value -= self.move(*self.averages(i, grad), self.t)

    def averages(self, i, grad):
        m, v = self.memory.get(i, (0, 0))
        m = self.beta1 * m + (1 - self.beta1) * grad
        v = self.beta2 * v + (1 - self.beta2) * grad * grad
        self.memory[i] = m, v
        return m, v

    def move(self, m, v, t):
        m, v = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return self.eta * m / (v**0.5 + self.eps)


@wrong("3.6", "the averages are not corrected")
class Uncorrected(_Adam):
    def move(self, m, v, t):
        return self.eta * m / (v**0.5 + self.eps)


@wrong("3.6", "counts arrays, not steps")
class CountsArrays(_Adam):
    def step(self, values, grads):
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            self.t += 1
            value -= self.move(*self.averages(i, grad), self.t)


@wrong("3.6", "t begins at 0")
class CountsAfterwards(_Adam):
    def step(self, values, grads):
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            value -= self.move(*self.averages(i, grad), self.t)
        self.t += 1


@wrong("3.6", "eps stands inside the root")
class EpsInside(_Adam):
    def move(self, m, v, t):
        m, v = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return self.eta * m / np.sqrt(v + self.eps)


@wrong("3.6", "the values have not moved")
class Rebinds(_Adam):
    def step(self, values, grads):
        self.t += 1
        for i, (value, grad) in enumerate(zip(values, grads, strict=True)):
            value = value - self.move(*self.averages(i, grad), self.t)


@wrong("3.6", "a second optimiser goes on where the first one stopped")
class SharedMemory(_Adam):
    memory = {}  # one for all

    def __init__(self, eta=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.eta, self.beta1, self.beta2, self.eps, self.t = eta, beta1, beta2, eps, 0

    def averages(self, i, grad):
        m, v = self.memory.get(grad.shape, (0, 0))
        self.memory[grad.shape] = m, v = (
            self.beta1 * m + (1 - self.beta1) * grad,
            self.beta2 * v + (1 - self.beta2) * grad**2,
        )
        return m, v


@right("3.6")
class CorrectedRate(_Adam):
    """The form of Kingma & Ba's section 2: both corrections in the rate and in eps."""

    def move(self, m, v, t):
        root = (1 - self.beta2**t) ** 0.5
        return self.eta * root / (1 - self.beta1**t) * m / (np.sqrt(v) + root * self.eps)


def _one_direction(X):
    mean = X.mean(axis=0)
    U = np.linalg.svd(X - mean, full_matrices=False)[2][:1]
    return lambda x: (x - mean) @ U.T, lambda z: z @ U + mean


@wrong("3.7", "no better than a straight line")
def a_linear_one(X, rng):
    return _one_direction(X)


@wrong("3.7", "wanted one number for each")
def copies_both(X, rng):
    return lambda x: x, lambda z: z


@wrong("3.7", "nearly the same point for every code")
def says_the_mean(X, rng):
    return _one_direction(X)[0], lambda z: np.repeat([X.mean(axis=0)], len(z), axis=0)


@wrong("3.7", "a scaling of X that decode does not undo")
def forgets_the_scale(X, rng):
    encode, decode = _one_direction((X - 0.2) / X.std(axis=0))
    return lambda x: encode((x - 0.2) / X.std(axis=0)), decode


@wrong("3.7", "depends on the points beside it")
def scales_each_batch(X, rng):
    encode, decode = _one_direction(X - X.mean(axis=0))
    return lambda x: encode(x - x.mean(axis=0)), decode


@wrong("3.7", "two functions, encode and decode")
def returns_the_reconstruction(X, rng):
    encode, decode = _one_direction(X)
    return decode(encode(X))


@right("3.7")
def with_the_estimator(X, rng):
    options = {"learning_rate_init": 0.01, "batch_size": 50, "max_iter": 100, "random_state": 0}
    model = Autoencoder(1, (32, 32), **options).fit(X)
    return model.transform, model.inverse_transform
