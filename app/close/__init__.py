"""销: strikes a case off the ledger with a reply to every report on it, and reopens what was struck off too early."""
