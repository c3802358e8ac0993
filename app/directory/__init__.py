"""What the city is made of: packs, departments, observation points, calendar, numbers, the schema's state."""
