"""Rules of supervision as tables."""
