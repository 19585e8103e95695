"""The types that a schema is made of. Services use them for their own parts of the pillar."""
