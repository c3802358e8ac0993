"""督: reminds before the deadline, notes what is overdue, tells people once a day, and asks the points for relief."""
