"""The bundled Changsha pack: complete, consistent, and every counterpart where the policy wants it."""

import pytest

from app.directory.pack import BUNDLED_PACK, Pack, Tier, load_pack


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(BUNDLED_PACK)


def test_the_directory_has_all_three_tiers(pack: Pack) -> None:
    counts = {tier: sum(unit.tier is tier for unit in pack.departments) for tier in Tier}
    assert counts == {Tier.PROVINCE: 80, Tier.MUNICIPAL: 75, Tier.DISTRICT: 405}
    assert len(pack.by_code) == 560


def test_nine_county_level_units_with_five_points_each(pack: Pack) -> None:
    assert [unit.code for unit in pack.districts] == ["FR", "TX", "YL", "KF", "YH", "WC", "CX", "LYS", "NX"]
    assert len(pack.observation_points) == 45
    for unit in pack.districts:
        points = [point.code for point in pack.observation_points if point.district == unit.code]
        assert points == [f"{unit.code}-{number:02d}" for number in range(1, 6)]
    assert all("示例" in point.note for point in pack.observation_points)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("FR-GA", "长沙市公安局芙蓉分局"),
        ("CX-GA", "长沙县公安局"),
        ("LYS-ZR", "浏阳市自然资源局"),
        ("YH-ZR", "长沙市自然资源和规划局雨花分局"),
        ("CX-HJ", "长沙市生态环境局长沙县分局"),
        ("LYS-WL", "浏阳市文化旅游广电体育局"),
        ("NX-SWJ", "国家税务总局宁乡市税务局"),
        ("TX-XFJ", "长沙市天心区消防救援大队"),
    ],
)
def test_districts_name_their_departments_as_the_directory_does(code: str, name: str, pack: Pack) -> None:
    assert pack.by_code[code].name == name


@pytest.mark.parametrize(
    ("province", "matter", "receiver"),
    [
        ("HN-MZ", None, "CS-MZ"),
        ("HN-YP", None, "CS-SJG"),
        ("HN-GD", None, "CS-WL"),
        ("HN-LS", None, "CS-FG"),
        ("HN-SJJ", None, "CS-SJJ"),
        ("HN-SJJ", "政务服务", "CS-SP"),
        ("HN-ZJ", None, "CS-ZJ"),
        ("HN-ZJ", "城市管理", "CS-CG"),
        ("HN-HG", None, "CS-DB"),
        ("HN-TG", None, "CS-DB"),
    ],
)
def test_a_provincial_source_has_its_municipal_receiver(
    province: str, matter: str | None, receiver: str, pack: Pack
) -> None:
    assert pack.receiver_of_province(province, matter).code == receiver


def test_the_counterpart_in_a_district_is_found_from_any_tier(pack: Pack) -> None:
    for code in ("HN-MZ", "CS-MZ", "FR-MZ"):
        found = pack.counterpart_in(code, "浏阳市")
        assert found is not None
        assert found.code == "LYS-MZ"
    assert pack.counterpart_in("HN-HG", "FR") is None
    assert pack.counterpart_in("CS-GJJ", "FR") is None
    assert pack.counterpart_in("CS-MZ", "没有这个区") is None


def test_a_district_is_found_by_code_name_and_alias(pack: Pack) -> None:
    for name in ("YL", "岳麓区", "岳麓", "湘江新区", "湖南湘江新区"):
        found = pack.district(name)
        assert found is not None
        assert found.code == "YL"


def test_vertical_units_and_companies_are_marked(pack: Pack) -> None:
    assert all(pack.by_code[code].vertical for code in ("CS-SWJ", "FR-YC", "LYS-XFJ", "WC-HJ"))
    assert [unit.code for unit in pack.departments if unit.enterprise] == ["HN-DW", "CS-DW", "HN-YGZ", "CS-YGZ"]


def test_every_burden_type_has_cues_and_no_rule_repeats(pack: Pack) -> None:
    assert len(pack.burden_types) == 15
    assert {kind.code for kind in pack.burden_types} == {cue.group for cue in pack.burden_cues}
    assert len({rule.id for rule in pack.rules}) == len(pack.rules)


def test_certificates_carry_their_proper_channel(pack: Pack) -> None:
    assert len(pack.certificates) == 28
    by_name = {certificate.name: certificate for certificate in pack.certificates}
    assert by_name["亲属关系证明"].line == "公安"
    assert by_name["亲属关系证明"].proper_channel


def test_the_version_follows_the_content_and_nothing_else(pack: Pack) -> None:
    assert load_pack(BUNDLED_PACK).version == pack.version
    assert len(pack.version) == 12
