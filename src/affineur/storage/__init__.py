"""Where everything is kept: the catalog, the ledger, blobs."""
