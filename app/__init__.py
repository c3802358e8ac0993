"""一龙 Yilong: one stream in place of nine.

The map, in mission order. A report flows one way:
intake 收 → classify 分 → route 转 → consult 商 → deliver 送 → feedback 办 → supervise 督 → close 销.
Each stage is one package and knows no other; `flow/` is the only place where they meet, and the doors
(`main`, `cli`, `worker`, `api`, `dashboard`) call it. `ledger/` reads and writes nothing. `advise/` (第二意见) is
optional: what a model inside the deployment supposes about a case in triage; it decides nothing. Below lie
`directory/` and `access/`, then the ground: `lifecycle`, `deadlines`, `audit`, `models`, `database`.
"""
