"""Settings for all tests."""

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")  # no window, and no screen needed

# No deadline: a compiled kernel's first call takes seconds. The same examples in every run.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")
