"""督: reminds before the deadline, notes what is overdue, and asks the points whether the burden is really gone."""
