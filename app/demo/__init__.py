"""演示与模拟: a city played from outside: points, department systems, the province and the office all speak HTTP.

`letters` writes what the points report (from `words/`). The parties are `points`, `department` (by `plans`, `answers`),
`province`, `office` (by `ruling`, `reviewing`, `sittings`, `clusters`, `pausing`) and its `leader`, who loads a made-up
`notice`; `profiles` says what they are like, `schedule` what is still to happen, `stage` sets it up.
`past` plays simulated time and drives the real worker, `live` goes on before your eyes, `simulate` sums up a year.
Nothing of the service imports this package but `cli`.
"""
