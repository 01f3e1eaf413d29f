"""One file a rule; none knows another."""
