"""Lock files of every tool: read into `affineur.model.locks` and written from it."""
