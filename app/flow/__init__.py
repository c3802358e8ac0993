"""一龙: the only place where the stages meet; one file for each journey. Doors call these verbs and nothing below them.

`receive` takes a report through 收 → 分 → 转 (or 商) → 送 in one transaction: read that file to know the mission;
`importing` 导入 brings a spreadsheet's rows to it, one by one.
What follows: `handle` 办 (a department acts, the office reviews), `evidence` (a department's files), `consultation` and
`agenda` 商, `precedents` 先例 (what was settled; `citing` finds it at intake, `trying_out` tries a standing ruling),
`office` (ruling, closing, reopening), `clustering` (the office merges cases, splits reports off),
`verification` 督 and 销 (points say whether the burden is gone), `unresolved` (what cannot be lifted for now stays on
the ledger), `strike_off`, `look_back` 回头看 and `relapse` 回潮 (what came back), `supervision` 督 (the worker looks at
the clocks, leaders decide), `urging` 催办 (by hand), `pausing` (a clock stands still), `clocks` 时限 (terms, the yearly
notice, counting anew), `callback` (a department's acts, by signed webhook). Every verb works on locked case files,
most of them at a `desk`, and ends with what departments must know queued. Apart from the stream, `digest` tells
people once a day what waits for them, `learning` 学 turns rulings into a model and replays past reports; by
`second_opinion` 第二意见 the worker asks a model on the intranet about what waits in triage; by `nightly` 夜间对账 it
proves the ledger.
`upcoming` says when the worker next has something to do.
"""
