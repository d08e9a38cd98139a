"""Annotation of large corpora with any spaCy pipeline: the command `ldnet annotate`."""
