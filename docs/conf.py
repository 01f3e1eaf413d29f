"""Settings of Sphinx."""

project = "affineur"
author = "the affineur authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_title = "affineur"
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
nitpicky = True
