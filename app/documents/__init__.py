"""公文: official documents: which may be issued, what each says, and the register with its gapless numbers."""
