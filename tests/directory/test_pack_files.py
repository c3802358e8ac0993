"""Broken packs: every mistake is named with file, line and field; spreadsheets' habits are tolerated."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.classify import ReportText, classify
from app.directory.knowledge import compile_knowledge
from app.directory.pack import BUNDLED_PACK, Issuer, PackError, load_pack

Edit = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLED_PACK, tmp_path / "city"))


def replacing(name: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def appending(name: str, line: str) -> Edit:
    def edit(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return edit


def removing(name: str) -> Edit:
    return lambda folder: (folder / name).unlink()


def recoding(name: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_bytes(text.encode("gbk"))

    return edit


BROKEN = [
    (removing("districts.csv"), "districts.csv", "", "缺少这个文件"),
    (recoding("topics.csv"), "topics.csv", "", "UTF-8"),
    (replacing("departments.csv", "code,name", "kod,name"), "departments.csv", "code", "缺少列 code"),
    (replacing("departments.csv", ",HN-MZ"[1:] + ",", "HN-JW,"), "departments.csv", "code", "重复"),
    (
        replacing("departments.csv", "province,,民政,CS-MZ", "province,,民政,CS-QQ"),
        "departments.csv",
        "counterpart",
        "CS-QQ",
    ),
    (replacing("departments.csv", "province,,民政", "country,,民政"), "departments.csv", "tier", "只能是"),
    (
        replacing("departments.csv", "district,CX,公安,,no", "district,CX,公安,,maybe"),
        "departments.csv",
        "vertical",
        "yes 或 no",
    ),
    (
        replacing("departments.csv", "district,CX,公安", "district,ZZ,公安"),
        "departments.csv",
        "district",
        "districts.csv",
    ),
    (replacing("observation_points.csv", ",FR,", ",XX,"), "observation_points.csv", "district", "districts.csv"),
    (replacing("observation_points.csv", "FR-02", "FR-01"), "observation_points.csv", "code", "重复"),
    (appending("names.csv", "没有的条线,org,某某局,,"), "names.csv", "line", "没有的条线"),
    (appending("names.csv", "民政,nick,某某局,,"), "names.csv", "kind", "只能是"),
    (appending("names.csv", "民政,inherent,某某局,,"), "names.csv", "tier", "层级"),
    (appending("topics.csv", "某事,民政,很重,"), "topics.csv", "weight", "应为数字"),
    (appending("burden_cues.csv", "XXX,某词,1,"), "burden_cues.csv", "group", "只能是"),
    (appending("rules.csv", "Z1,imposes,1,D{no_such_list},"), "rules.csv", "pattern", "no_such_list"),
    (appending("rules.csv", "Z1,imposes,1,D(,"), "rules.csv", "pattern", "写法有误"),
    (appending("rules.csv", "Z1,imposes,1,Q要求,"), "rules.csv", "pattern", "不认识的字母"),
    (appending("rules.csv", "R01,imposes,1,D要求,"), "rules.csv", "id", "重复"),
    (appending("rules.csv", "Z1,blames,1,D要求,"), "rules.csv", "role", "只能是"),
    (appending("prefixes.csv", "湘民发,number,province,湖南省,HN-MZ,,,high,"), "prefixes.csv", "prefix", "重复"),
    (appending("prefixes.csv", "湘某发,number,province,湖南省,HN-QQ,,,high,"), "prefixes.csv", "department", "HN-QQ"),
    (appending("counterpart_exceptions.csv", "HN-QQ,*,CS-MZ,"), "counterpart_exceptions.csv", "department", "HN-QQ"),
    (appending("cues.csv", "demand,要求,备注,多出一格"), "cues.csv", "", "逗号"),
    (
        replacing("pack.toml", 'fallback_receiver = "CS-DB"', 'fallback_receiver = "CS-QQ"'),
        "pack.toml",
        "routing.fallback_receiver",
        "CS-QQ",
    ),
    (replacing("pack.toml", 'title = "', "title = "), "pack.toml", "", "TOML"),
    (
        replacing("pack.toml", 'number_letters = ["湘"]', "number_letters = 5"),
        "pack.toml",
        "province.number_letters",
        "列表",
    ),
    (replacing("pack.toml", 'letters = "长减负"', 'letters = "CJF"'), "pack.toml", "issuer.letters", "汉字"),
    (replacing("pack.toml", 'name = "中共长沙市委组织部"', ""), "pack.toml", "issuer.name", "不能为空"),
]


def test_a_pack_without_an_issuer_has_the_citys_department_of_the_coordinating_line(folder: Path) -> None:
    text = (folder / "pack.toml").read_text(encoding="utf-8")
    (folder / "pack.toml").write_text(text.partition("[issuer]")[0], encoding="utf-8")
    assert load_pack(folder).issuer == Issuer("中共长沙市委组织部", "长减负")


@pytest.mark.parametrize(("edit", "file", "field", "says"), BROKEN)
def test_a_mistake_is_named_with_file_line_and_field(
    edit: Edit, file: str, field: str, says: str, folder: Path
) -> None:
    edit(folder)
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    matching = [p for p in caught.value.problems if p.file == file and p.field == field and says in p.message]
    assert matching, str(caught.value)
    assert file in str(caught.value)
    if field and file.endswith(".csv"):
        assert f"第{matching[0].line}行" in str(caught.value)
        assert matching[0].line >= 1


def test_all_mistakes_are_listed_at_once(folder: Path) -> None:
    appending("names.csv", "没有的条线,org,某某局,,")(folder)
    appending("topics.csv", "某事,没有的条线,1,")(folder)
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    assert [problem.file for problem in caught.value.problems] == ["names.csv", "topics.csv"]
    assert str(caught.value).count("\n") == 1


def test_a_missing_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="不存在"):
        load_pack(tmp_path / "nowhere")


def test_byte_order_marks_and_windows_line_ends_are_tolerated(folder: Path) -> None:
    before = load_pack(folder)
    for path in folder.glob("*.csv"):
        text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    after = load_pack(folder)
    assert after.departments == before.departments
    assert after.version == before.version


def test_any_edit_changes_the_version(folder: Path) -> None:
    before = load_pack(folder).version
    appending("topics.csv", "某个新事项,民政,1,")(folder)
    assert load_pack(folder).version != before


def test_another_city_works_by_its_folder_alone(folder: Path) -> None:
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        swaps = (("湖南省", "江北省"), ("湖南", "江北"), ("长沙", "云溪"), ("湘", "沔"), ("芙蓉", "青莲"))
        for old, new in swaps:
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    knowledge = compile_knowledge(load_pack(folder))
    decision = classify(ReportText("江北省民政厅要求填表,沔民发〔2025〕3号", "青莲区"), knowledge)
    assert [receiver.name for receiver in decision.receivers] == ["云溪市民政局"]
    assert decision.document_numbers[0].issuer == "HN-MZ"
    own = classify(ReportText("区民政局要求填表", "青莲区"), knowledge)
    assert [receiver.name for receiver in own.receivers] == ["青莲区民政局"]
