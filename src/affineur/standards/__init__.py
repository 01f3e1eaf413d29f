"""Bytes in, model out, and back: the packaging standards; pure."""
