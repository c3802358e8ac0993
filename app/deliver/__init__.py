"""送 Deliver: queue an event for each address of its department, send it signed, keep what came of it.

`fan_out` queues in the transaction of the change; `claim` leases, `send` posts with no transaction open, `settle`
writes the outcome, `courier` does the three in a loop. `guard`, `signing` and `backoff` are pure rules. What goes to
people in place of a system is bundled into messages (`bundle`), put into lines (`notices`) and carried by `messenger`.
"""
