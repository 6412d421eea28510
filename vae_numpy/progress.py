"""Progress bars: in a terminal, in a notebook and its static page; one last line in a log."""

import io
import sys

from tqdm import tqdm


def progress_bar(total: int, unit: str, *, shown: bool, initial: int = 0, delay: float = 0) -> tqdm:
    """Make a bar to be used as a context, with ``update(n)``.

    Parameters
    ----------
    total : int
        How many units there are in all.
    unit : str
        What is counted, such as "epoch".
    shown : bool
        False makes a bar that never appears.
    initial : int
        How many units were done before.
    delay : float
        In seconds; a bar appears only if its work takes longer.

    Returns
    -------
    tqdm.tqdm
    """
    options = {"total": total, "initial": initial, "unit": unit, "disable": not shown}
    if sys.stderr is None:  # a program without a console
        options["disable"] = True
    if _in_notebook():
        # Nothing but the output that is replaced: what tqdm writes to its file is dropped.
        return _NotebookBar(file=io.StringIO(), ncols=78, ascii=True, delay=delay, **options)
    if sys.stderr is not None and sys.stderr.isatty():
        return tqdm(delay=delay, **options)
    # In a file or a pipe each refresh would leave a line of its own: write the last one only.
    return tqdm(mininterval=float("inf"), delay=max(delay, 1e-9), **options)


class _NotebookBar(tqdm):
    """A bar drawn as one text output that is replaced, so that a static page keeps one line."""

    def display(self, msg=None, pos=None):
        from IPython.display import display

        line = {"text/plain": msg if msg is not None else str(self)}
        if not hasattr(self, "_handle"):
            self._handle = display(line, raw=True, display_id=True)
        else:
            self._handle.update(line, raw=True)


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
