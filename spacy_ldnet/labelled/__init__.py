"""Labelled data: read from the files of any annotation tool, and made into a corpus.

`columns` and `records` read what is in a file, `files` reads whichever form it has, and
`corpus` makes train, dev and test of it. `readers` has the registered corpus readers.
`label_sets` is about docs in which only some labels are annotated, `conll_labels` about
the labels of CoNLL-2003.
"""
