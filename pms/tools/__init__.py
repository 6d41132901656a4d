"""The voice agent's verbs: one declaration each, one runner for both faces."""
