"""Bytes by digest: one protocol, a disk and an object store."""
