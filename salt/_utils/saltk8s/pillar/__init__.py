"""The pillar: its schema, the rules between its keys, the model built from it, its check and its documentation."""
