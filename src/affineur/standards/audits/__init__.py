"""What an audit found, and the forms in which it is written down."""
