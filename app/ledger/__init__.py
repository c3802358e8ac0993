"""台账: the read side. Looks things up, exports, reconciles; writes nothing."""
