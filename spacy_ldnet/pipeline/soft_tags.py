"""Tag probabilities that a teacher leaves in a doc, for a student to learn from.

They lie in `doc.user_data`, so that a `DocBin` with `store_user_data = true` keeps them.
"""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from spacy.tokens import Doc

from ..errors import Errors
from ..nn.iobes import Array, TagScheme

#: Where they lie: `labels`, and for each token that is not white space its likeliest
#: `tags` (uint16) with their `chances` (float16).
KEY = "ldnet_soft_tags"


def pack_soft_tags(chances: Array, labels: Sequence[str], keep: int) -> Dict[str, Any]:
    """chances (Floats2d): Probability of each kept token's (row) tags (columns).
    labels (Sequence[str]): The labels of the tags; further tags are left out.
    keep (int): How many of the likeliest tags of each token to keep.
    RETURNS (Dict[str, Any]): What a doc's user data hold: four bytes a tag.
    """
    chances = chances[:, : TagScheme(tuple(labels)).n_tags]
    keep = min(keep, chances.shape[1])
    tags = np.argsort(-chances, axis=1, kind="stable")[:, :keep]
    return {
        "labels": list(labels),
        "tags": tags.astype("uint16"),
        "chances": np.take_along_axis(chances, tags, axis=1).astype("float16"),
    }


def read_soft_tags(
    doc: Doc, n_kept: int, labels: Sequence[str], n_tags: int, name: str
) -> Optional[Array]:
    """Probabilities of the student's tags.

    doc (Doc): The annotated doc.
    n_kept (int): Tokens of it that are not white space.
    labels (Sequence[str]): The student's labels.
    n_tags (int): The student's tags.
    name (str): The student's name, for the message.
    RETURNS (Optional[Floats2d]): One row a kept token, one column a tag, where what was
        not kept is zero; None if the doc has none.
    RAISES (ValueError): E100 if the teacher has labels that the student does not have,
        E101 if they are of other tokens.
    """
    stored = doc.user_data.get(KEY)
    if stored is None:
        return None
    theirs: List[str] = list(stored["labels"])
    missing = [label for label in theirs if label not in labels]
    if missing:
        raise ValueError(
            Errors.E100.format(
                name=name,
                missing=", ".join(missing),
                theirs=", ".join(theirs),
                ours=", ".join(labels),
            )
        )
    tags = np.asarray(stored["tags"], dtype="int64")
    if len(tags) != n_kept:
        raise ValueError(Errors.E101.format(name=name, found=len(tags), tokens=n_kept))
    places = {tag: i for i, tag in enumerate(TagScheme(tuple(labels)).tags)}
    column = np.array([places[tag] for tag in TagScheme(tuple(theirs)).tags])
    chances = np.zeros((n_kept, n_tags))
    np.put_along_axis(chances, column[tags], np.asarray(stored["chances"], "f8"), 1)
    return chances
