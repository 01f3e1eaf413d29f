"""The database of everything but bytes: named questions, one module per subject."""
