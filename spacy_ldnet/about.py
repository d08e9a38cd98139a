__title__ = "spacy-ldnet"
__version__ = "0.1.0"
#: The address of the documentation, ending in a slash. While there is none, messages and
#: help texts name the page in the repository.
__docs__ = "docs/"
