"""Measurements of affineur beside its peers and nginx, in one run on one machine."""
