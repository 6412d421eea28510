"""The same training step in PyTorch: eager with Adam, and compiled with the fused Adam."""

import torch

from .networks import BETA1, BETA2, EPS, LEARNING_RATE

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


class Torch:
    """One model with its optimiser; ``step()`` trains on the batch as given."""

    def __init__(self, network, weights, x, eps, *, compiled):
        self.name = "PyTorch, compiled" if compiled else "PyTorch, eager"
        self.network, self.x, self.eps = network, torch.from_numpy(x), torch.from_numpy(eps)
        self.weights = [torch.from_numpy(w.copy()).requires_grad_() for w in weights]
        # Adam over all weights at once, PyTorch's default on a CPU being one after another.
        options = {"fused": True} if compiled else {}
        self.adam = torch.optim.Adam(self.weights, LEARNING_RATE, (BETA1, BETA2), EPS, **options)
        self.loss = torch.compile(self._loss) if compiled else self._loss

    def _loss(self):
        network, w = self.network, self.weights
        split = 2 * (len(network.encoder_sizes) - 1)
        h = stack(self.x, w[:split], ACTIVATIONS[network.encoder_activation])
        mu, logvar = h.chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * self.eps
        logits = stack(z, w[split:], ACTIVATIONS[network.decoder_activation])
        nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, self.x, reduction="sum")
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
        return (nll + kl) / len(self.x)

    def loss_and_gradients(self):
        """Compute the loss and its gradients in all weights, without a step."""
        self.adam.zero_grad()
        loss = self.loss()
        loss.backward()
        return float(loss.detach()), [w.grad.numpy().copy() for w in self.weights]

    def step(self):
        """Train once: forward, ELBO, backward, Adam."""
        self.adam.zero_grad()
        self.loss().backward()
        self.adam.step()


def stack(h, weights, activation):
    """Apply dense layers; the last one has no activation."""
    for i in range(0, len(weights), 2):
        h = torch.addmm(weights[i + 1], h, weights[i])
        if i + 2 < len(weights):
            h = activation(h)
    return h
