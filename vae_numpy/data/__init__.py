"""The data of the book: point clouds of known dimension, handwritten digits, sprites."""

from . import clouds, corruption, digits, geodesic, pictures, sprites
from .clouds import make_helix, make_random, make_spiral, make_swiss_roll
from .corruption import corrupt
from .digits import binarise, load_digits, split_digits

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
    "pictures",
    "split_digits",
    "sprites",
]
