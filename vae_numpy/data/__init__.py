"""The data of the book: point clouds of known dimension, handwritten digits, sprites."""

from vae_numpy.data import clouds, corruption, digits, geodesic, sprites
from vae_numpy.data.clouds import make_helix, make_random, make_spiral, make_swiss_roll
from vae_numpy.data.corruption import corrupt
from vae_numpy.data.digits import binarise, load_digits, split_digits

__all__ = [
    "binarise",
    "clouds",
    "corrupt",
    "corruption",
    "digits",
    "geodesic",
    "load_digits",
    "make_helix",
    "make_random",
    "make_spiral",
    "make_swiss_roll",
    "split_digits",
    "sprites",
]
