"""Nodes that have to be interrupted: one at a time, behind the gate, whoever asks for it."""
