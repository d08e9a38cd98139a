"""`python -m spacy ldnet …`: importing this adds the commands to spaCy's own."""

import os
import sys

from spacy.cli._util import app as spacy_app

from . import annotate as _annotate  # noqa: F401
from . import compare as _compare  # noqa: F401
from . import convert as _convert  # noqa: F401
from . import corpus as _corpus  # noqa: F401
from . import decode as _decode  # noqa: F401
from . import distil as _distil  # noqa: F401
from . import info as _info  # noqa: F401
from . import init_config as _init_config  # noqa: F401
from . import package as _package  # noqa: F401
from . import perplexity as _perplexity  # noqa: F401
from . import pretrain as _pretrain  # noqa: F401
from . import prune as _prune  # noqa: F401
from . import report as _report  # noqa: F401
from . import teach as _teach  # noqa: F401
from ._arguments import check_arguments, set_waiting_policy
from ._util import add_pages, app

add_pages(app)
spacy_app.add_typer(app)
# spaCy loads this module in each of its commands, before it parses their arguments.
check_arguments(sys.argv, os.environ)
set_waiting_policy(sys.argv, os.environ)

__all__ = ["app"]
