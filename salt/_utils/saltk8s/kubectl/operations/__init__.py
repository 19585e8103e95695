"""What an operator does by hand, and modules do for them: nodes, drain, rollout, logs, metrics, permissions."""
