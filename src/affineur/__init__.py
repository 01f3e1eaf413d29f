"""affineur: a Python package index that ages, inspects and vouches for every wheel."""
