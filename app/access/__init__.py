"""Who may do what: keys, people and their sessions, permissions, idempotency."""
