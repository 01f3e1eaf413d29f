"""Frozen values that the whole program speaks in; standard library and `packaging` only."""
