"""What people and programs ask for, in one table."""
