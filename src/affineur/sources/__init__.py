"""Where pages and files come from, wrapped in layers up to the rendered index."""
