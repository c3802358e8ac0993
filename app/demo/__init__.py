"""演示: a city played on a throw-away database, from outside: points, department systems and the office all speak HTTP.

`mail` makes up what the points report, `points` sends it, `department` receives and answers by signed callbacks,
`office` rules and reviews, `city` sets the stage. Nothing of the service imports this package but `cli`.
"""
