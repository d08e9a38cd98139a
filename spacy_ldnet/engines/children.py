"""What processes that this one starts have in common."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Have this process end as soon as the one that started it is gone.

    Without this, after the parent was killed, a child would wait for ever, or write what
    a new run writes too.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
