__title__ = "spacy-ldnet"
__version__ = "0.1.0"
#: The address of the repository. While it is empty, no page and no file links to it.
__url__ = ""
#: The address of the documentation, ending in a slash. While there is none, messages and
#: help texts name the page in the repository.
__docs__ = "docs/"
