"""转: turns a decision into duties. `policy` is pure; `assign` dispatches; `escalate` carries upward and home."""
