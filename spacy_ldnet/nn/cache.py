"""A bounded cache of the outputs of windows."""

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from ..inputs import Windows

#: A window: the numbers of its words as bytes, and the stretch of it that is kept.
Key = Tuple[bytes, int, int]


def window_keys(keys: Tensor, windows: Windows[Tensor]) -> List[Key]:
    """Keys of windows, the same wherever their words stand.

    :param keys: a number for each word. *Shape:* (words,)
    """
    flat = keys.cpu().numpy()
    fields = (windows.starts, windows.lengths, windows.keep_from, windows.keep_to)
    rows = torch.stack(fields, dim=1).tolist()
    return [(flat[s : s + n].tobytes(), a, b) for s, n, a, b in rows]


class WindowCache:
    """Outputs of frozen layers for windows, for the next epochs of a training.

    When it is full, no outputs are added or evicted: every text is read once per epoch, so
    eviction would not help.

    :param limit: bytes of all outputs together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> Any:
        return type(self), (self.limit,)

    def clear(self) -> None:
        """Remove all outputs, because the layers changed."""
        self.used = 0
        self._rows: Dict[Key, Tensor] = {}

    def add(self, key: Key, rows: Tensor) -> None:
        """Add a window's output if there is room.

        :param rows: *Shape:* (kept words, width)
        """
        size = rows.numel() * rows.element_size()
        if key not in self._rows and self.used + size <= self.limit:
            # A view would keep the whole batch.
            self._rows[key] = rows.clone()
            self.used += size

    def fill(self, out: Tensor, keys: List[Key], starts: List[int]) -> List[int]:
        """Copy the known outputs of some windows.

        :param out: filled in place. *Shape:* (words, width)
        :param keys: the windows.
        :param starts: first kept word of each.
        :returns: positions of the windows that are not known.
        """
        missing = []
        for i, (key, start) in enumerate(zip(keys, starts)):
            rows = self._rows.get(key)
            if rows is None:
                missing.append(i)
            else:
                out[start : start + len(rows)] = rows
        return missing
