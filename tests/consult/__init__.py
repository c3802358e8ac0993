"""商: the rules of sessions, as tables."""
