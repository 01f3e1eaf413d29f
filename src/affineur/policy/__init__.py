"""Who may have which file: rules, the judge and the gate."""
