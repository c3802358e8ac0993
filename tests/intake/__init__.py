"""Taking reports in."""
