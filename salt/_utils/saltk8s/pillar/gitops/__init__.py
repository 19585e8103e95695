"""From a push to what runs: when a minion applies its pillar, who paused that, and what the minion was."""
