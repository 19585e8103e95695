"""Assess the health of objects, poll until they are healthy, explain why they are not."""
