"""What is to be done, as workers get it."""

from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Doc

JSONL, PARQUET, SPACY = ".jsonl", ".parquet", ".spacy"
FORMS = (JSONL, PARQUET, SPACY)
AUTO, CPU = "auto", "cpu"
DEVICES = (AUTO, CPU)

#: Loads a pipeline by its name. It is pickled, so no closure.
Load = Callable[[str], Language]


@dataclass(frozen=True)
class Job:
    """All that a worker needs besides a unit.

    pipeline (str): Name or directory of the pipeline.
    pipeline_hash (str): See `hash_pipeline`.
    load (Load): Loads it.
    finish (Optional[Callable]): Called with each doc; what it returns is written.
    source (str): Address of the input.
    output (str): Address of the output.
    form (str): How names of output files end, one of `FORMS`.
    text_key (str): Column of the text.
    id_key (str): Column that names a document in errors.
    prefix (str): How the columns of the annotation begin.
    batch_words (int): Words of a batch, about.
    device (str): "auto" is a GPU where there is one.
    strict (bool): Whether a document that fails is an error.
    attrs (Optional[Tuple[str, ...]]): Token attributes of `.spacy` files; None for
        those that DocBin has if nobody says.
    schema (Any): pyarrow's schema of Parquet output; else None.
    fit (bool): Whether rows have to be made to fit it, see `fit_row`.
    """

    pipeline: str
    pipeline_hash: str
    load: Load
    finish: Optional[Callable[[Doc], Doc]]
    source: str
    output: str
    form: str
    text_key: str = "text"
    id_key: str = "id"
    prefix: str = ""
    batch_words: int = 4096
    device: str = AUTO
    strict: bool = False
    attrs: Optional[Tuple[str, ...]] = None
    schema: Any = None
    fit: bool = False
