"""Labelled data: read from the files of any annotation tool, and made into a corpus.

`columns` and `records` read what is in a file, `files` reads whichever form it has, and
`corpus` makes train, dev and test of it. `readers` has the registered corpus readers.
`label_sets` is about docs in which only some labels are annotated, `conll_labels` about
the labels of CoNLL-2003.
"""

from ..faces import lazy_face

_MODULES = {
    "LabelSetCorpus": "readers",
    "conll_ents": "conll_labels",
    "make_corpus": "corpus",
    "read_columns": "columns",
    "read_label_set": "label_sets",
    "to_conll": "conll_labels",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
