"""The same training step in JAX: one jitted function whose state is donated."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .networks import BETA1, BETA2, EPS, LEARNING_RATE

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


class Jax:
    """One model with its optimiser; ``step()`` trains on the batch as given."""

    name = "JAX, jit"

    def __init__(self, network, weights, x, eps):
        self.x, self.eps = jnp.asarray(x), jnp.asarray(eps)
        weights = [jnp.array(w) for w in weights]
        self.state = weights, [w * 0 for w in weights], [w * 0 for w in weights], jnp.zeros(())
        self.loss = partial(loss, network)
        self.update = jax.jit(partial(update, self.loss), donate_argnums=0)

    def loss_and_gradients(self):
        """Compute the loss and its gradients in all weights, without a step."""
        value, gradients = jax.value_and_grad(self.loss)(self.state[0], self.x, self.eps)
        return float(value), [np.asarray(g) for g in gradients]

    def step(self):
        """Train once: forward, ELBO, backward, Adam; returns when it is computed."""
        self.state, value = self.update(self.state, self.x, self.eps)
        value.block_until_ready()
        jax.block_until_ready(self.state)


def loss(network, weights, x, eps):
    """Compute minus the ELBO, in nats a datum."""
    split = 2 * (len(network.encoder_sizes) - 1)
    h = stack(x, weights[:split], ACTIVATIONS[network.encoder_activation])
    mu, logvar = jnp.split(h, 2, axis=1)
    z = mu + jnp.exp(0.5 * logvar) * eps
    logits = stack(z, weights[split:], ACTIVATIONS[network.decoder_activation])
    nll = jnp.sum(jax.nn.softplus(logits) - x * logits)
    kl = 0.5 * jnp.sum(mu**2 + jnp.exp(logvar) - 1 - logvar)
    return (nll + kl) / len(x)


def stack(h, weights, activation):
    """Apply dense layers; the last one has no activation."""
    for i in range(0, len(weights), 2):
        h = h @ weights[i] + weights[i + 1]
        if i + 2 < len(weights):
            h = activation(h)
    return h


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
