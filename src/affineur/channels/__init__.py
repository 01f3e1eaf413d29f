"""Ways to tell people and programs: one file for each, and a table by the scheme of the address."""
