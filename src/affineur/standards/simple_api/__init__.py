"""The simple repository API (PEP 503, 691, 700, 714, 740, 792)."""
