"""Thinc models around the networks of ``spacy_ldnet.nn``."""
