"""Random lives: many actors, every act of the interface, legal and illegal, one after another and at once.

`world` reads the whole ledger, `moves` says what may be tried and what the tables of moves say to it, `checks` what
must hold after each step, `life` lets the actors act. The journeys in `tests/journeys/test_random_lives.py` run them.
"""
