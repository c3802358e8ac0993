"""The whole described interface under fire: every operation, every role, requests good and hostile, in this process.

`drafts` makes requests from the description with Schemathesis, `known` puts real objects into them, `hostile` spoils
bytes, `wire` sends them, `judge` says what is wrong with an answer, `run` shares the time out and keeps the account.
Operations are found in the description: a new route needs no line here.
"""
