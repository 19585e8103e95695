"""The pillar: its schema, the rules between its keys, the model that comes of it, its check and its documentation."""
