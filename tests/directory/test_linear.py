"""The model as plain data: bytes and back, whole numbers only, spans in the text as it was given."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.directory.linear import Gram, LinearModel, NotAModel, make_model, read

TEXT = {
    "堤上": Gram(400, (900, -300)),
    "割草": Gram(500, (700, -100)),
    "戏台": Gram(300, (-200, 800)),
    "天": Gram(256, (5, 9)),
}
OPENING = {"堤上": Gram(400, (300, -300))}


def small(sharpness: float = 4.0, **changes: object) -> LinearModel:
    given: dict[str, object] = {
        "labels": ("水利", "文化旅游"), "bias": (0.1, -0.05), "text": TEXT, "opening": OPENING,
        "longest": 2, "scale": 2.0, "sharpness": sharpness,
    }  # fmt: skip
    return make_model(**(given | changes))  # type: ignore[arg-type]


def test_the_likelier_label_comes_first_and_confidence_adds_up_to_one() -> None:
    (best, sure), (other, rest) = small().predict("堤上割草的照片天天要发。")
    assert (best, other) == ("水利", "文化旅游")
    assert sure > 0.9
    assert sure + rest == pytest.approx(1.0, abs=2e-4)
    assert small().predict("旧戏台打扫")[0][0] == "文化旅游"


def test_bytes_and_back_is_the_same_model_under_the_same_version() -> None:
    model = small()
    again = LinearModel.from_bytes(model.to_bytes())
    assert again == model
    assert again.version == model.version
    assert again.to_bytes() == model.to_bytes()
    assert small(sharpness=5.0).version != model.version


def test_a_score_is_what_the_numbers_say() -> None:
    """By hand: one gram of the text, length one: weight over its own rarity and the scale; the same for the opening."""
    water, stage = small().score("堤上")
    assert water == pytest.approx(0.1 + 900 / 800 + 300 / 800)
    assert stage == pytest.approx(-0.05 - 300 / 800 - 300 / 800)
    assert small().score("无关") == [0.1, -0.05]


@pytest.mark.parametrize(
    "written",
    ["堤 上 割 草", "堤\u200b上割草", "堤上\u3000割草", "堤上割草"],
)
def test_blanks_and_invisible_characters_change_nothing(written: str) -> None:
    model = small()
    told = model.explain(written, "水利")
    assert model.predict(written)[0] == model.predict("堤上割草")[0]
    assert [written[t.start : t.end].replace(" ", "").replace("\u3000", "").replace("\u200b", "") for t in told] == [
        "堤上割草"
    ]


def test_what_stands_first_is_the_opening_and_a_title_ends_at_the_line() -> None:
    assert read("渠道除草\n渠道除草要报").opening == ["渠道除草"]
    assert read("渠道除草一事 说来话长").opening == ["渠道除草一事"]
    assert read("长" * 200).opening == ["长" * 30]
    assert read("第12组A区").runs == ["第00组a区"]


def test_explanations_join_what_hangs_together_and_leave_out_what_speaks_for_others() -> None:
    text = "堤上割草,旧戏台也要拍"
    told = small().explain(text, "水利")
    assert [text[t.start : t.end] for t in told] == ["堤上割草"]
    told = small().explain(text, "文化旅游")
    assert [text[t.start : t.end] for t in told] == ["戏台"]
    assert small().explain("无关的话", "水利") == []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_and_every_span_lies_in_it(text: str) -> None:
    model = small()
    for label, confidence in model.predict(text):
        assert 0.0 <= confidence <= 1.0
        for told in model.explain(text, label):
            assert 0 <= told.start < told.end <= len(text)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"{", b'{"format":2}', b"\xff", json.dumps({"format": 1, "labels": ["a"]}).encode()],
)
def test_other_bytes_are_no_model(data: bytes) -> None:
    with pytest.raises(NotAModel):
        LinearModel.from_bytes(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ("水利",)},
        {"labels": ("水利", "水利")},
        {"bias": (0.0,)},
        {"bias": (float("nan"), 0.0)},
        {"scale": 0.0},
        {"longest": 0},
        {"text": {"堤上": Gram(1, (1,))}},
        {"text": {"堤上": Gram(1, (1 << 16, 0))}},
        {"text": {"堤上": Gram(-1, (1, 0))}},
    ],
)
def test_numbers_that_do_not_fit_are_no_model(changes: dict[str, object]) -> None:
    with pytest.raises(NotAModel):
        small(**changes)  # type: ignore[arg-type]


def test_many_labels_are_read_in_well_under_a_millisecond() -> None:
    labels = [f"条线{n}" for n in range(60)]
    words = [chr(0x4E00 + n) + chr(0x4E01 + n) for n in range(400)]
    table = {
        word: Gram(256 + n, tuple((n * 7 + at * 13) % 900 - 450 for at in range(60))) for n, word in enumerate(words)
    }
    model = make_model(labels, [0.0] * 60, table, {}, longest=2, scale=100.0, sharpness=3.0)
    text = "".join(chr(0x4E00 + n * 2) for n in range(150))
    best = min(_timed(model, text) for _ in range(20))
    assert best < 0.001


def _timed(model: LinearModel, text: str) -> float:
    begun = time.process_time()
    model.predict(text)
    return time.process_time() - begun
