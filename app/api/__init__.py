"""HTTP version 1: one file for each resource, its router and its In/Out shapes together. Doors: parse, call, answer."""
