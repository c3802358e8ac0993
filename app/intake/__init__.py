"""收: takes in what observation points send."""
