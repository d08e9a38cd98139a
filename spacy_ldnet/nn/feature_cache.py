"""What frozen layers gave for stretches of words, kept from epoch to epoch."""

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

#: A window: its words' rows as bytes, and the stretch of it whose output is kept.
Key = Tuple[bytes, int, int]


class FeatureCache:
    """Outputs of windows, up to a number of bytes.

    When it is full nothing is added, and nothing goes: an epoch comes back to all texts
    in turn, so whatever was dropped would be missed as much as what took its place.
    Copies, also pickled ones, are empty.

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
        """Forget everything, since the layers changed."""
        self.used = 0
        self._rows: Dict[Key, Tensor] = {}

    def add(self, key: Key, rows: Tensor) -> None:
        """Keep a window's output, if there is room.

        :param rows: *Shape:* (kept words, width)
        """
        size = rows.numel() * rows.element_size()
        if key not in self._rows and self.used + size <= self.limit:
            # A view would keep the whole batch.
            self._rows[key] = rows.clone()
            self.used += size

    def fill(self, out: Tensor, keys: List[Key], starts: List[int]) -> List[int]:
        """Put the outputs that are there in their places.

        :param out: *Shape:* (words, width)
        :param keys: the windows.
        :param starts: where the kept words of each begin.
        :returns: positions of the windows that are not there.
        """
        missing = []
        for i, (key, start) in enumerate(zip(keys, starts)):
            rows = self._rows.get(key)
            if rows is None:
                missing.append(i)
            else:
                out[start : start + len(rows)] = rows
        return missing


def window_keys(ids: Tensor, windows: Any) -> List[Key]:
    """What tells windows apart, wherever they stand.

    :param ids: rows of the words. *Shape:* (words,)
    :param windows: the :class:`~.windows.Windows`.
    """
    flat = ids.cpu().numpy()
    fields = (windows.starts, windows.lengths, windows.keep_from, windows.keep_to)
    rows = torch.stack(fields, dim=1).tolist()
    return [(flat[s : s + n].tobytes(), a, b) for s, n, a, b in rows]
