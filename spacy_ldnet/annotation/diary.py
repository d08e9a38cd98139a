"""What a worker was about when its process ended: which document is to blame."""

from contextlib import suppress
from typing import Any, Dict, Optional, Set

import srsly

from ..errors import Errors
from .addresses import Place
from .rows import At, Row

#: Times that work on a unit may begin.
ATTEMPTS = 12


class Diary:
    """Kept while a worker works on a unit, and removed when that is done.

    The first attempt only says that it began. If there was one that did not end, the
    next says before each batch which it is; the one after that works on this batch
    document by document; and where its process ends as well, the document that it was
    about is left out.

    place (Place): Its file.
    name (str): How the unit is called, for messages.
    """

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.careful = False
        self.attempts = 0
        #: First rows of batches that are to be worked on one by one.
        self.alone: Set[At] = set()
        #: Rows that are left out.
        self.skip: Set[At] = set()
        if place.fs.exists(place.path):
            self._learn(srsly.json_loads(place.fs.cat_file(place.path).decode("utf8")))
        self.attempts += 1
        if self.attempts > ATTEMPTS:
            values = {"place": name, "times": self.attempts - 1}
            raise ValueError(Errors.E089.format(**values))
        self._write(None, False)

    def begin(self, row: Row, alone: bool) -> None:
        """row (Row): The first row that is worked on now.
        alone (bool): Whether it is the only one.
        """
        if self.careful:
            self._write(row.at, alone)

    def close(self) -> None:
        """The process has not ended, whatever became of the unit."""
        with suppress(FileNotFoundError):
            self.place.fs.rm_file(self.place.path)

    def _learn(self, found: Dict[str, Any]) -> None:
        self.careful = True
        self.attempts = found["attempts"]
        self.alone.update(map(tuple, found["batches"]))
        self.skip.update(map(tuple, found["skip"]))
        if found["at"] is not None:
            guilty = self.skip if found["alone"] else self.alone
            guilty.add(tuple(found["at"]))

    def _write(self, at: Optional[At], alone: bool) -> None:
        data = {
            "attempts": self.attempts,
            "batches": list(self.alone),
            "skip": list(self.skip),
            "at": at,
            "alone": alone,
        }
        with self.place.write() as file:
            file.write(srsly.json_dumps(data).encode("utf8"))
