"""Code that runs when a distribution is installed or when Python starts, read and never run.

`scan` reads one archive. The modules, from the bottom: `values` (what an expression is worth),
`folding` (pure functions worked out on constants), `calls` (what the functions of the libraries
do), `traits` (what a call means), `reader` (one module walked through as Python would run it),
`start_files` (`.pth` and `.start`), `places` (which members of an archive run, and when).
"""

from affineur.standards.startup_code.scan import REVISION, scan

__all__ = ["REVISION", "scan"]
