"""Classification on one core (processor time): reports a second, milliseconds for 150 characters, start-up, memory.

Yardstick, same run, same texts: one compiled `re` alternation of all department names, the simplest keyword matcher.
"""

import re
import statistics
import subprocess
import sys
import time

from app.classify import ReportText, classify
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, Pack, load_pack

_MATTERS = (
    "要求社区每天上报一次表格,一户一页,还要附三张水印照片,迟报的在群里点名通报",
    "把巡查任务派给村里,没有执法权,出了事又要我们签字担责,一年下来跑断腿",
    "的平台三天两头改口径,录过的又要重新录一遍,白天进不去只好半夜爬起来",
)
_REST = (
    "我们村一共六百多户,干部只有五个人,年轻人都在外面打工,老人家不会用手机,"
    "这样搞下去别的事情都没有时间做,希望能减一减。"
)
_MEASURE_MEMORY = (
    "from app.directory.pack import BUNDLED_PACK, load_pack\n"
    "from app.directory.knowledge import compile_knowledge\n"
    "from app.classify import ReportText, classify\n"
    "knowledge = compile_knowledge(load_pack(BUNDLED_PACK))\n"
    "for turn in range(200):\n"
    "    classify(ReportText('市民政局要求社区每天报一张表' * 10, '芙蓉区'), knowledge)\n"
    "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024)\n"
)
_ROUNDS = 3


def reports(pack: Pack, count: int = 600) -> list[ReportText]:
    """Synthetic reports of 150 characters, each naming another department."""
    made = []
    for turn in range(count):
        unit = pack.departments[turn * 7 % len(pack.departments)]
        district = pack.districts[turn % len(pack.districts)].name
        text = unit.name.removeprefix("中共") + _MATTERS[turn % len(_MATTERS)] + "。" + _REST * 3
        made.append(ReportText(text[:150], district))
    return made


def run() -> dict[str, float]:
    """Reports a second, p50 and p99 (ms), start-up (s), peak memory (MB), and the ratio to the yardstick's rate."""
    begun = time.process_time()
    knowledge = compile_knowledge(load_pack(BUNDLED_PACK))
    start_up = time.process_time() - begun
    texts = reports(knowledge.pack)
    for text in texts[:50]:
        classify(text, knowledge)
    times = [_timed(text, knowledge) for _ in range(_ROUNDS) for text in texts]
    rate = len(times) / sum(times)
    yardstick = _yardstick_rate(knowledge.pack, [text.text for text in texts])
    ordered = sorted(times)
    return {
        "reports_per_second": round(rate, 1),
        "p50_ms": round(statistics.median(times) * 1000, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
        "start_up_seconds": round(start_up, 3),
        "peak_memory_mb": round(_peak_memory(), 1),
        "yardstick_reports_per_second": round(yardstick, 1),
        "ratio_to_yardstick": round(rate / yardstick, 3),
    }


def _timed(text: ReportText, knowledge: Knowledge) -> float:
    begun = time.process_time()
    classify(text, knowledge)
    return time.process_time() - begun


def _yardstick_rate(pack: Pack, texts: list[str]) -> float:
    names = {name for unit in pack.departments for name in (unit.name, *unit.short_names)}
    search = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    begun = time.process_time()
    for text in texts:
        search.findall(text)
    return len(texts) / (time.process_time() - begun)


def _peak_memory() -> float:
    """Of a process of its own, as the kernel counts it since the program began (`ru_maxrss` would begin with what the
    caller held)."""
    done = subprocess.run([sys.executable, "-c", _MEASURE_MEMORY], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
