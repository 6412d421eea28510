"""Settings for all tests."""

import signal

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")  # no window, and no screen needed
# In the background of a script Ctrl-C is ignored, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a compiled kernel's first call takes seconds. The same examples in every run.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")


def pytest_collection_modifyitems(config, items):
    """Leave out what takes minutes, or a browser and a built site, unless ``-m`` asks for it."""
    unasked = [mark for mark in ("nightly", "browser") if mark not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, unasked))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
