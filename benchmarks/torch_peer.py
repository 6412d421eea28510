"""The same training step in PyTorch: eager with Adam, and compiled with the fused Adam."""

import math

import numpy as np
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from .networks import BETA1, BETA2, EPS, LEARNING_RATE

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


class Torch:
    """One model with its optimiser; ``step()`` trains on the batch as given."""

    def __init__(self, network, weights, x, eps, *, compiled):
        self.name = "PyTorch, compiled" if compiled else "PyTorch, eager"
        self.network, self.x, self.eps = network, torch.from_numpy(x), torch.from_numpy(eps)
        self.weights = [torch.from_numpy(turned(w)).requires_grad_() for w in weights]
        # Adam over all weights at once, PyTorch's default on a CPU being one after another.
        options = {"fused": True} if compiled else {}
        self.adam = torch.optim.Adam(self.weights, LEARNING_RATE, (BETA1, BETA2), EPS, **options)
        self.loss = torch.compile(self._loss) if compiled else self._loss

    def _loss(self):
        network, w = self.network, self.weights
        split = network.n_encoder_arrays
        h = stack(self.x, w[:split], ACTIVATIONS[network.encoder_activation], conv2d)
        mu, logvar = h.chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * self.eps
        activation = ACTIVATIONS[network.decoder_activation]
        logits = stack(z, w[split:], activation, conv_transpose2d)
        nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, self.x, reduction="sum")
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
        return (nll + kl) / len(self.x)

    def loss_and_gradients(self):
        """Compute the loss and its gradients in all weights, without a step."""
        self.adam.zero_grad()
        loss = self.loss()
        loss.backward()
        return float(loss.detach()), [turned_back(w.grad.numpy()) for w in self.weights]

    def step(self):
        """Train once: forward, ELBO, backward, Adam."""
        self.adam.zero_grad()
        self.loss().backward()
        self.adam.step()

    def fit(self, X, n_epochs):
        """Train on shuffled minibatches of X, each with new noise."""
        X, batch = torch.from_numpy(X), self.network.batch
        for _ in range(n_epochs):
            for rows in torch.randperm(len(X)).split(batch):
                self.x, self.eps = X[rows], torch.randn(batch, self.network.n_latents)
                self.step()


def stack(h, weights, activation, convolve):
    """Apply layers, convolutions on square pictures among them; the last has no activation."""
    for i in range(0, len(weights), 2):
        W, b = weights[i : i + 2]
        if W.ndim == 4:
            channels = W.shape[1 if convolve is conv2d else 0]
            side = math.isqrt(h[0].numel() // channels)
            h = convolve(h.reshape(-1, channels, side, side), W, b, stride=2, padding=1)
        else:
            h = torch.addmm(b, h.flatten(1), W)
        if i + 2 < len(weights):
            h = activation(h)
    return h.flatten(1)


def turned(w):
    """Copy weights as PyTorch has them, a convolution's as (C', C, kh, kw)."""
    return np.ascontiguousarray(w.transpose(3, 0, 1, 2)) if w.ndim == 4 else w.copy()


def turned_back(w):
    """Copy weights as ``Network.arrays`` has them."""
    return np.ascontiguousarray(w.transpose(1, 2, 3, 0)) if w.ndim == 4 else w.copy()
