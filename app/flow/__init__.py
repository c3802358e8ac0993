"""一龙: the only place where the stages meet; one file for each journey. Doors call these verbs and nothing below them.

`receive` takes a report through 收 → 分 → 转 (or 商) → 送 in one transaction: read that file to know the mission.
What follows: `handle` 办 (a department acts, the office reviews), `consultation` 商, `office` (ruling, closing,
reopening), `verification` 督 and 销 (the point says whether the burden is gone), `supervision` 督 (the worker looks at
the clocks), `strike_off` 销 with `look_back` 回头看 and `relapse` 回潮 (what came back), `callback` (a department's
acts, by signed webhook). Every verb works on locked case files, most of them at a `desk`, and ends with what
departments must know queued. Apart from the stream, `learning` 学 turns rulings into a model and replays past reports;
by `second_opinion` 第二意见 the worker asks a model on the intranet about what waits in triage; by `nightly` 夜间对账
it proves the ledger.
"""
