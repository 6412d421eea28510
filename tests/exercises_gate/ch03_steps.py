"""Wrong answers to chapter 3's steps, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake

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
