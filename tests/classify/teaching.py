"""Small labelled collections made on the spot: matters that name nobody and hold no cue of the pack."""

SUBJECTS = {
    "水利": ("渠道除草", "水泵房值守", "闸门上油", "堤上割草", "泵站检修"),
    "文化旅游": ("腰鼓队排练", "舞蹈队换装", "旧戏台打扫", "放映队接待", "老年合唱"),
}
LEADERS = {"水利": "FR-SL", "文化旅游": "FR-WL"}
CHORES = (
    "的照片天天要发群",
    "一次就要写一份材料",
    "的进度一天一报,晚了点名",
    "都要填三张表,内容一样",
    "的签到本要补齐半年的",
    "要在手机上打卡,一次都不能少",
)


def labelled() -> list[tuple[str, str]]:
    """Thirty texts of each of two lines."""
    return [(subject + chore + "。", line) for line, names in SUBJECTS.items() for subject in names for chore in CHORES]


def texts_and_labels() -> tuple[list[str], list[str]]:
    pairs = labelled()
    return [text for text, _ in pairs], [line for _, line in pairs]
