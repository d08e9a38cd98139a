"""A pipeline of small rules and large troubles, and runs of it."""

import pytest
import spacy
from annotated import UNIT_SIZE
from pipelines import load

from spacy_ldnet.annotation.run import annotate
from spacy_ldnet.engines import make_engine


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    nlp = spacy.blank("en")
    nlp.add_pipe("test_troubles")
    ruler = nlp.add_pipe("entity_ruler")
    patterns = {"PER": ["Ada Lovelace", "Charles Babbage"], "LOC": ["London", "Turin"]}
    for label, texts in patterns.items():
        ruler.add_patterns([{"label": label, "pattern": text} for text in texts])
    nlp.add_pipe("test_chunks")
    nlp.meta.update(name="troubled", version="0.1")
    path = tmp_path_factory.mktemp("pipeline") / "nlp"
    nlp.to_disk(path)
    return path


@pytest.fixture
def run(pipeline):
    """Annotate with the pipeline, in this process if no engine is named."""

    def run(source, out, *, engine="local", n_process=1, **settings):
        values = {"unit_size": UNIT_SIZE, "load": load, "batch_words": 32, **settings}
        workers = make_engine(engine, n_process=n_process)
        return annotate(str(pipeline), str(source), str(out), engine=workers, **values)

    return run
