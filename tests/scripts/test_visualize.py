"""The page to compare pipelines on: it loads, takes text, shows the entities."""

import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest
import visualize
from chromium import start_chromium, wait_for
from toy import make_examples

TEXTS = (
    "return [...document.querySelectorAll('mark.entity')].map(e => e.innerText).join()"
)


def test_missing_pipelines_are_left_out_by_name(tiny_teacher, tmp_path, capsys):
    missing = str(tmp_path / "none")
    assert visualize.find_pipelines([tiny_teacher, missing]) == [tiny_teacher]
    assert missing in capsys.readouterr().out
    with pytest.raises(visualize.ScriptError, match="None of these is a pipeline"):
        visualize.find_pipelines([missing])


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(visualize, "find_spec", lambda name: None)
    with pytest.raises(visualize.ScriptError, match=r"\[demo\]"):
        visualize.make_command(["a"], 8501, headless=True)


needs_demo = pytest.mark.skipif(
    find_spec("spacy_streamlit") is None, reason="the extra `demo` is not installed"
)


@pytest.fixture
def server(make_nlp, tiny_teacher, tmp_path):
    """The page for a pruned pipeline of ours and for one that goes by rules."""
    nlp = make_nlp()
    nlp.update(make_examples(nlp))
    path = tmp_path / "pruned" / "model-best"
    path.parent.mkdir()
    nlp.to_disk(path)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    pipelines = [str(path), tiny_teacher]
    command = visualize.make_command(pipelines, port, headless=True)
    log = (tmp_path / "log.txt").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


@needs_demo
def test_text_is_taken_and_entities_are_shown(server, tmp_path):
    browser = start_chromium(tmp_path / "profile")
    try:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.common.keys import Keys

        def opened():
            try:
                browser.get(server)
            except WebDriverException:
                return False
            return True

        def finds(selector):
            return browser.find_elements("css selector", selector)

        def shown(text):
            return text in browser.execute_script(TEXTS)

        wait_for(opened)
        wait_for(lambda: shown("London"))
        area = finds("textarea")[0]
        area.send_keys(Keys.CONTROL, "a")
        area.send_keys("Mara Lindqvist saw Tarvik.", Keys.CONTROL, Keys.ENTER)
        # Until both columns have the new text: they are filled one after the other.
        wait_for(lambda: shown("Mara Lindqvist") and not shown("London"))
        page = browser.find_element("css selector", "body").text
        assert "forward 0, 1, 2; backward 0, 1, 2" in page
        assert "no LD-Net encoder" in page and page.count(" ms") == 2
        assert not finds("[data-testid=stException]")
    finally:
        browser.quit()


@needs_demo
def test_command_serves_this_machine_only_and_sends_nothing():
    command = visualize.make_command(["a", "b"], 8599, headless=False)
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    text = " ".join(command)
    assert "--browser.gatherUsageStats false" in text
    assert "--server.address localhost" in text and "--server.headless" not in text
    assert command[-3:] == ["--", "a", "b"]
