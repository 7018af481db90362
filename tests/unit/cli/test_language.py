"""Does the command line speak the language of whoever uses it?"""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from openhall.cli.language import CLICK, TYPES, columns, help_texts, language_of, paragraphs, translated
from openhall.cli.main import EXIT_TROUBLE, EXIT_USAGE, program

TERMINAL_COLUMNS = 80
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENHALL_LANGUAGE", "zh")


def openhall(*words: str) -> Result:
    return CliRunner().invoke(program, list(words), catch_exceptions=False)


def every_path(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    inner = command.commands if isinstance(command, click.Group) else {}
    return [path, *(found for name, child in inner.items() for found in every_path(child, *path, name))]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "pl_PL.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "OPENHALL_LANGUAGE": "en"}, "en"),
        ({"LANG": "en_GB.UTF-8", "OPENHALL_LANGUAGE": "ZH"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "OPENHALL_LANGUAGE": "", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_first_variable_that_is_set_decides(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


@pytest.mark.usefixtures("chinese")
def test_no_help_is_left_in_english() -> None:
    english = {words for text in help_texts(program) for _, words in paragraphs(text)}
    chinese = {words for text in help_texts(translated(program)) for _, words in paragraphs(text)}
    assert english & chinese == set()
    assert [words for words in chinese if not HAN.search(words)] == []


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("path", every_path(program), ids=" ".join)
def test_help_in_chinese_says_it_all_and_fits_a_terminal(path: tuple[str, ...]) -> None:
    shown = openhall(*path, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith("用法：")
    assert "显示本说明并退出。" in shown.output
    assert not re.search("Usage|Options|Commands|default:|Show this|\x08", shown.output)
    # A command line to copy is one line, however long.
    wide = [line for line in shown.output.splitlines() if columns(line) > TERMINAL_COLUMNS]
    assert [line for line in wide if not re.search(r"openhall (rehearse|evaluate) ", line)] == []
    assert not re.search(r"^\s*[，。；：、）”]", shown.output, re.MULTILINE), "a line begins with punctuation"


def test_english_help_comes_back_after_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    before = openhall("bench", "hall", "--help").output
    monkeypatch.setenv("OPENHALL_LANGUAGE", "zh")
    assert openhall("bench", "hall", "--help").output != before
    monkeypatch.delenv("OPENHALL_LANGUAGE")
    assert openhall("bench", "hall", "--help").output == before


@pytest.mark.usefixtures("chinese")
def test_messages_are_chinese_and_json_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path / "bank")
    installed = openhall("init", "--folder", folder)
    assert "已安装到" in installed.stdout
    assert "网点负责人" in installed.stdout
    verified = openhall("verify", "--folder", folder)
    assert verified.exit_code == 0
    assert verified.stdout.splitlines() == [
        "已读取0个营业日、0个事件、0个答复。",
        "全部一致，没有问题。",
        "没有可供比对的日志末端签名声明。",
    ]
    as_json = openhall("verify", "--folder", folder, "--json").stdout
    monkeypatch.delenv("OPENHALL_LANGUAGE")
    assert json.loads(openhall("verify", "--folder", folder, "--json").stdout) == json.loads(as_json)


@pytest.mark.usefixtures("chinese")
def test_trouble_keeps_its_code_and_tells_the_rest_in_chinese(tmp_path: Path) -> None:
    done = openhall("verify", "--folder", str(tmp_path))
    assert done.exit_code == EXIT_TROUBLE
    first, *_, last = done.stderr.splitlines()
    assert first == "folder_missing: 指定位置没有安装。"
    assert last.startswith("处理办法： 请先运行")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rehearse"], "错误：请在 --recorded、--invented 和 --compare 中选择一个。"),
        (["serve", "--port", "x"], "错误：'--port'的值无效：'x'不是有效的整数范围。"),
        (["verify", "--fold"], "错误：没有选项'--fold'。 是否想输入'--folder'？"),
        (["backup"], "错误：缺少参数"),
    ],
)
def test_a_wrong_command_line_is_explained_in_chinese(words: list[str], says: str) -> None:
    done = openhall(*words)
    assert done.exit_code == EXIT_USAGE
    assert says in done.stderr
    assert not re.search("Usage|Error|Try|Did you", done.stderr)


@pytest.mark.usefixtures("chinese")
def test_a_rehearsed_day_is_told_in_chinese(tmp_path: Path) -> None:
    done = openhall("rehearse", "--invented", "--set", "surge_factor=0.5", "--store", str(tmp_path))
    assert done.exit_code == 0
    assert "窗口利用率" in done.stdout
    assert "说明：这一天的客户全部是虚构的。" in done.stdout
    (stored,) = tmp_path.iterdir()
    compared = openhall("rehearse", "--compare", str(stored), str(stored)).stdout
    assert "等候超过10分钟的比例" in compared
    assert "wait_minutes" not in compared


def test_click_still_says_what_the_catalogue_translates() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(click.__file__).parent.glob("*.py"))
    own = {"numbers"}  # named in our bench
    gone = [words for words in (*CLICK, *TYPES) if f'"{words}"' not in source and words not in own]
    assert gone == []
