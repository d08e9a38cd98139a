import os
from threading import Lock

# Read when numpy and PyTorch are imported. One thread a worker: workers share the cores,
# and short texts gain little from more. The capacity is only of use to PyTorch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100")

import spacy
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

nlp = spacy.load(os.environ.get("PIPELINE", "en_ldnet"))
lock = Lock()
app = FastAPI()


class Query(BaseModel):
    texts: list[str] = Field(max_length=100)


@app.post("/entities")
def find_entities(query: Query) -> list[list[dict[str, int | str]]]:
    if any(len(text) > 100_000 for text in query.texts):
        raise HTTPException(413, "at most 100,000 characters a text")
    with lock, nlp.memory_zone():
        docs = list(nlp.pipe(query.texts))
        return [
            [
                {"start": e.start_char, "end": e.end_char, "label": e.label_}
                for e in doc.ents
            ]
            for doc in docs
        ]


@app.get("/health")
def health() -> str:
    return "ok"
