"""The teacher's labels, and nothing else of the teacher."""

import json

import pytest
import spacy
from annotate import annotate, pass_over, write_parts
from corpora.lm_text import LMText
from spacy.tokens import DocBin, Span

from spacy_ldnet.annotation.job import hash_pipeline
from spacy_ldnet.distillation.teacher import entities_only, load_teacher
from spacy_ldnet.workflow.documents import read_documents, split_documents

PARTS = ("train", "dev", "test")


def run(text, out_dir, teacher, **settings):
    defaults = {"labelled": 30, "dev_share": 0.1, "test_share": 0.2, "seed": 0}
    annotate(text, out_dir, teacher, **{**defaults, **settings})
    vocab = spacy.blank("en").vocab
    docs = {
        part: list(DocBin().from_disk(out_dir / f"{part}.spacy").get_docs(vocab))
        for part in PARTS
    }
    return docs, json.loads((out_dir / "meta.json").read_text("utf-8"))


def test_docs_hold_entities_only(sample_text, tmp_path, tiny_teacher):
    docs, meta = run(sample_text, tmp_path, tiny_teacher, labelled=0)
    nlp = spacy.blank("en")
    labels = set()
    for doc in (doc for part in docs.values() for doc in part):
        assert [t.text for t in doc] == [t.text for t in nlp.make_doc(doc.text)]
        assert doc.has_annotation("ENT_IOB", require_complete=True)
        for attr in ("SENT_START", "TAG", "POS", "LEMMA", "DEP"):
            assert not doc.has_annotation(attr)
        assert not doc.tensor.size and not doc.user_data
        labels.update(ent.label_ for ent in doc.ents)
    assert labels == {"PERSON", "GPE"}
    assert meta["teacher"]["name"] == "en_tiny" and meta["teacher"]["license"] == "MIT"
    assert meta["sources"][0]["license"] == "MIT"
    assert meta["teacher"]["hash"] == hash_pipeline(tiny_teacher)
    assert str(tmp_path) not in json.dumps(meta)
    assert not (tmp_path / "annotating").exists()
    for part in PARTS:
        assert meta["splits"][part]["tokens"] == sum(map(len, docs[part]))
        assert meta["splits"][part]["paragraphs"] == len(docs[part])


def read_lm_text(folder):
    return {
        name: (folder / f"{name}.txt").read_text("utf-8").splitlines()
        for name in ("lm_train", "lm_dev")
    }


def test_lm_never_reads_dev_or_test(sample_text, tmp_path, tiny_teacher):
    docs, meta = run(sample_text, tmp_path, tiny_teacher, lm_text=LMText.all)
    lm = read_lm_text(tmp_path)
    held = {doc.text for part in ("dev", "test") for doc in docs[part]}
    assert lm["lm_train"] and lm["lm_dev"]
    assert not held & {*lm["lm_train"], *lm["lm_dev"]}
    assert not set(lm["lm_train"]) & set(lm["lm_dev"])
    parts = split_documents(read_documents(sample_text), 0.1, 0.2, seed=0)
    train = sorted(p for d in parts["train"] for p in d.paragraphs)
    assert sorted(lm["lm_train"] + lm["lm_dev"]) == train
    assert {doc.text for doc in docs["train"]} < set(train)
    assert meta["lm"]["lm_train"]["paragraphs"] == len(lm["lm_train"])


def test_lm_does_not_read_what_the_tagger_learns_from(
    sample_text, tmp_path, tiny_teacher
):
    docs, meta = run(sample_text, tmp_path / "a", tiny_teacher)
    lm = read_lm_text(tmp_path / "a")
    labelled = {doc.text for doc in docs["train"]}
    assert labelled and not labelled & set(lm["lm_train"])
    run(sample_text, tmp_path / "b", tiny_teacher, lm_text=LMText.all)
    whole = read_lm_text(tmp_path / "b")
    assert lm["lm_train"] == [p for p in whole["lm_train"] if p not in labelled]
    assert lm["lm_dev"] == whole["lm_dev"]
    assert meta["lm"]["lm_train"]["paragraphs"] == len(lm["lm_train"])


def test_lm_reads_all_where_nearly_everything_is_labelled(
    sample_text, tmp_path, tiny_teacher, capsys
):
    for number, said in (
        (10_000, "100% of the text is labelled"),
        (0, "All the text is labelled"),
    ):
        docs, _ = run(sample_text, tmp_path, tiny_teacher, labelled=number)
        lm = read_lm_text(tmp_path)
        labelled = {doc.text for doc in docs["train"]}
        assert labelled == {*lm["lm_train"], *lm["lm_dev"]}
        assert said in capsys.readouterr().out


def test_lm_reads_more_text_but_not_what_is_held_out(
    sample_text, tmp_path, tiny_teacher
):
    more = tmp_path / "more"
    more.mkdir()
    new = [f"Nobody labels paragraph {i} of this text." for i in range(60)]
    # As if somebody had the same text there once more.
    again = [p for d in read_documents(sample_text) for p in d.paragraphs]
    (more / "more.txt").write_text("\n".join([*new, *again]), "utf-8")
    run(sample_text, tmp_path / "a", tiny_teacher)
    docs, meta = run(sample_text, tmp_path / "b", tiny_teacher, more_text=more)
    before, after = read_lm_text(tmp_path / "a"), read_lm_text(tmp_path / "b")
    assert after["lm_dev"] == before["lm_dev"]
    assert after["lm_train"][: len(before["lm_train"])] == before["lm_train"]
    added = after["lm_train"][len(before["lm_train"]) :]
    assert set(new) < set(added)
    labelled_or_held = {doc.text for part in PARTS for doc in docs[part]}
    assert not set(added) & (labelled_or_held | set(after["lm_dev"]))
    assert [source["name"] for source in meta["sources"]][1:] == ["more"]
    assert meta["lm"]["lm_train"]["paragraphs"] == len(after["lm_train"])


def test_deterministic_and_limited(sample_text, tmp_path, tiny_teacher):
    first, meta = run(sample_text, tmp_path / "a", tiny_teacher)
    second, _ = run(sample_text, tmp_path / "b", tiny_teacher)
    for name in ("train.spacy", "test.spacy", "lm_train.txt", "meta.json"):
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()
    assert 30 <= meta["splits"]["train"]["sentences"] < 36
    more, _ = run(sample_text, tmp_path / "c", tiny_teacher, labelled=60)
    texts = [doc.text for doc in more["train"]]
    assert texts[: len(first["train"])] == [doc.text for doc in first["train"]]
    _, small = run(
        sample_text,
        tmp_path / "d",
        tiny_teacher,
        max_documents=6,
        max_dev=4,
        max_test=5,
    )
    assert small["splits"]["test"]["sentences"] < 12
    assert small["lm"]["lm_train"]["documents"] <= 3


def test_trained_teacher_runs_only_what_ner_needs(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    model = {
        "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96},
    }
    nlp.add_pipe("tagger", config={"model": model}).add_label("X")
    nlp.add_pipe("ner", config={"model": model}).add_label("PER")
    nlp.add_pipe("merge_entities")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    assert load_teacher(str(tmp_path)).pipe_names == ["tok2vec", "ner"]


def test_interrupted_work_goes_on(sample_text, tmp_path, tiny_teacher, monkeypatch):
    """Interrupted in the middle; what was done before is not done again."""
    monkeypatch.setattr("spacy_ldnet.distillation.teacher.SHARD", 1500)
    run(sample_text, tmp_path / "whole", tiny_teacher)

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("annotate.write_parts", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(sample_text, tmp_path / "cut", tiny_teacher)
    work = tmp_path / "cut" / "annotating" / "out"
    (work / "records" / "part-000001.json").unlink()
    done = {path: path.stat().st_mtime_ns for path in (work / "data").iterdir()}
    seen = []

    def look(nlp, chosen, folder, out_dir):
        for path in (folder / "out" / "data").iterdir():
            seen.append((path.name, path.stat().st_mtime_ns == done[path]))
        return write_parts(nlp, chosen, folder, out_dir)

    with monkeypatch.context() as context:
        context.setattr("annotate.write_parts", look)
        run(sample_text, tmp_path / "cut", tiny_teacher)
    again = [name for name, same in seen if not same]
    assert again == ["part-000001-000.spacy"] and len(seen) > 2
    for name in ("train.spacy", "dev.spacy", "test.spacy", "meta.json"):
        files = [tmp_path / folder / name for folder in ("whole", "cut")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_what_is_for_a_student_is_kept():
    doc = spacy.blank("en")("Mara went to London")
    doc.user_data.update({"ldnet_soft": [1, 2], "mine": 3, ("._.", "x", 0, 1): 4})
    doc.set_ents([Span(doc, 3, 4, label="GPE")])
    bare = entities_only(doc)
    assert bare.user_data == {"ldnet_soft": [1, 2]} and bare.text == doc.text
    assert [ent.label_ for ent in bare.ents] == ["GPE"]


def test_rules_keep_what_stands_before_them(tiny_teacher):
    assert load_teacher(tiny_teacher).pipe_names == ["sentencizer", "entity_ruler"]


def test_teacher_errors(tmp_path):
    with pytest.raises(ValueError, match="E183.*not installed.*spacy download"):
        load_teacher("xx_no_such_pipeline")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match="E183.*no pipe that writes entities"):
        load_teacher(str(tmp_path))


def test_pass_over_keeps_what_is_there(tmp_path):
    pass_over(tmp_path, "wnut17")
    assert json.loads((tmp_path / "meta.json").read_text()) == {"kind": "none"}
    (tmp_path / "meta.json").write_text("{}")
    pass_over(tmp_path, "wnut17")
    assert (tmp_path / "meta.json").read_text() == "{}"
