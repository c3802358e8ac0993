"""办: what departments do on their assignments, and how their signed callbacks are taken in."""
