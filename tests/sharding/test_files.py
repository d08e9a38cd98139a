"""Files of text, found and opened, whatever file system they are in."""

import fsspec
import pytest

from spacy_ldnet.sharding.files import find_files, find_text, open_path
from spacy_ldnet.sharding.lines import LineReader
from spacy_ldnet.sharding.ranges import cut_files, whole_file


def names(root):
    return [file.name for file in find_files(open_path(root))]


def test_links_to_files_are_followed(tmp_path):
    """fsspec by itself would skip them."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "text.txt").write_text("Ada\n")
    (tmp_path / "near" / "deep").mkdir(parents=True)
    (tmp_path / "near" / "a.txt").symlink_to(tmp_path / "far" / "text.txt")
    (tmp_path / "near" / "deep" / "b.txt").symlink_to("../a.txt")
    (tmp_path / "near" / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    assert names(tmp_path / "near") == ["a.txt", "deep/b.txt"]
    assert names(f"{tmp_path}/n*/*.txt") == ["near/a.txt"]
    file = find_text(tmp_path / "near" / "a.txt", "x")[0]
    assert (file.name, file.size) == ("a.txt", 4)


@pytest.mark.parametrize("name", ["a::b", "c d", "[1]", ".hidden", "é"])
def test_any_name_of_a_folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "a.txt").write_text("Ada\n")
    (folder / ".b.txt").write_text("Ada\n")
    assert names(folder) == ["a.txt"]
    # Named by itself, a hidden file is one to read.
    assert names(folder / ".b.txt") == [".b.txt"]


def test_the_same_files_at_an_address_and_here(tmp_path):
    memory = fsspec.filesystem("memory")
    for name in ("b.txt", "deep/a.jsonl", ".hidden/c.txt", "notes.md", "z.txt.gz"):
        memory.pipe_file(f"/found/{name}", b"one\n")
        (tmp_path / "found" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "found" / name).write_bytes(b"one\n")
    for pattern in ("found", "found/*.txt", "found/*"):
        assert names(f"memory://{pattern}") == names(f"{tmp_path}/{pattern}") != []


def test_text_at_an_address_is_read_in_ranges():
    lines = [f"line {number}" for number in range(40)]
    data = "\n".join(lines).encode()
    fsspec.filesystem("memory").pipe_file("/long/text.txt", data)
    files = find_text("memory://long/text.txt", "x")
    chunks = cut_files(files, 60)
    assert len(chunks) > 4
    ranges = [*(part for chunk in chunks for part in chunk.ranges)]
    for parts in (ranges, [whole_file(files[0])]):
        readers = [LineReader(p, text_key="text", max_length=100) for p in parts]
        assert [text for reader in readers for text in reader.read_texts()] == lines
