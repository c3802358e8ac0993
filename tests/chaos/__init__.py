"""Chaos kit: real processes that are killed, a database that is stopped and cut off, receivers that behave badly.

`python -m tests.chaos` (or `make chaos`) runs it and closes with an account: what posters and departments wrote into
their own books, held against the database. See docs/decisions/0060 for what it proves and what it does not.
"""
