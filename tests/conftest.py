"""Settings for all tests."""

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")  # no window, and no screen needed

# No deadline: a compiled kernel's first call takes seconds. The same examples in every run.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")


def pytest_collection_modifyitems(config, items):
    """Leave out what takes minutes, unless ``-m`` asks for it."""
    if "nightly" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
