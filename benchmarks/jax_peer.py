"""The same training step in JAX: one jitted function whose state is donated."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .networks import BETA1, BETA2, EPS, LEARNING_RATE

LAYOUT = "NCHW", "IHWO", "NCHW"  # of pictures, of weights, of pictures again
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


class Jax:
    """One model with its optimiser; ``step()`` trains on the batch as given."""

    name = "JAX, jit"

    def __init__(self, network, weights, x, eps):
        self.network, self.x, self.eps = network, jnp.asarray(x), jnp.asarray(eps)
        weights = [jnp.array(w) for w in weights]
        self.state = weights, [w * 0 for w in weights], [w * 0 for w in weights], jnp.zeros(())
        self.loss = partial(loss, network)
        self.update = jax.jit(partial(update, self.loss), donate_argnums=0)
        self.update_on = jax.jit(partial(update_on, self.loss, self.eps.shape), donate_argnums=0)

    def loss_and_gradients(self):
        """Compute the loss and its gradients in all weights, without a step."""
        value, gradients = jax.value_and_grad(self.loss)(self.state[0], self.x, self.eps)
        return float(value), [np.asarray(g) for g in gradients]

    def step(self):
        """Train once: forward, ELBO, backward, Adam; returns when it is computed."""
        self.state, value = self.update(self.state, self.x, self.eps)
        value.block_until_ready()
        jax.block_until_ready(self.state)

    def fit(self, X, n_epochs):
        """Train on shuffled minibatches of X, each with new noise."""
        X, key = jnp.asarray(X), jax.random.key(0)
        for epoch in range(n_epochs):
            key = jax.random.fold_in(key, epoch)
            order = jax.random.permutation(key, len(X)).reshape(-1, self.network.batch)
            for i in range(len(order)):
                self.state, _ = self.update_on(self.state, X, order, i, key)
        jax.block_until_ready(self.state)


def loss(network, weights, x, eps):
    """Compute minus the ELBO, in nats a datum."""
    split = network.n_encoder_arrays
    h = stack(x, weights[:split], ACTIVATIONS[network.encoder_activation], convolve)
    mu, logvar = jnp.split(h, 2, axis=1)
    z = mu + jnp.exp(0.5 * logvar) * eps
    logits = stack(z, weights[split:], ACTIVATIONS[network.decoder_activation], convolve_transposed)
    nll = jnp.sum(jax.nn.softplus(logits) - x * logits)
    kl = 0.5 * jnp.sum(mu**2 + jnp.exp(logvar) - 1 - logvar)
    return (nll + kl) / len(x)


def stack(h, weights, activation, convolve):
    """Apply layers, convolutions on square pictures among them; the last has no activation."""
    for i in range(0, len(weights), 2):
        W, b = weights[i : i + 2]
        if W.ndim == 4:
            h = convolve(h, W) + b[:, None, None]
        else:
            h = h.reshape(len(h), -1) @ W + b
        if i + 2 < len(weights):
            h = activation(h)
    return h.reshape(len(h), -1)


def convolve(h, W):
    """Convolve pictures, from W's first channels to its last."""
    return lax.conv_general_dilated(
        pictures(h, W.shape[0]), W, (2, 2), ((1, 1), (1, 1)), dimension_numbers=LAYOUT
    )


def convolve_transposed(h, W):
    """Convolve with the matrix transposed, from W's last channels to its first."""
    return lax.conv_transpose(
        pictures(h, W.shape[3]),
        W,
        (2, 2),
        ((2, 2), (2, 2)),
        dimension_numbers=LAYOUT,
        transpose_kernel=True,
    )


def pictures(h, channels):
    """Make pictures of rows."""
    side = math.isqrt(h[0].size // channels)
    return h.reshape(-1, channels, side, side)


def update(loss, state, x, eps):
    """Compute one step of Adam (Kingma & Ba 2015, algorithm 1)."""
    weights, m, v, t = state
    value, gradients = jax.value_and_grad(loss)(weights, x, eps)
    t = t + 1
    m = [BETA1 * a + (1 - BETA1) * g for a, g in zip(m, gradients, strict=True)]
    v = [BETA2 * a + (1 - BETA2) * g * g for a, g in zip(v, gradients, strict=True)]
    rate, correction = LEARNING_RATE / (1 - BETA1**t), 1 / (1 - BETA2**t)
    weights = [
        w - rate * a / (jnp.sqrt(b * correction) + EPS)
        for w, a, b in zip(weights, m, v, strict=True)
    ]
    return (weights, m, v, t), value


def update_on(loss, shape, state, X, order, i, key):
    """Compute the step on batch i of an epoch: its rows are taken and its noise is drawn here."""
    eps = jax.random.normal(jax.random.fold_in(key, i), shape)
    return update(loss, state, X[order[i]], eps)
