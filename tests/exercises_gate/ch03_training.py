"""Wrong answers to chapter 3's project, written from its statement."""

from tests.exercises_gate.register import judged_otherwise, mistake
from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import squared_error
from vae_numpy.optimisers import Adam
from vae_numpy.training import minibatches

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
