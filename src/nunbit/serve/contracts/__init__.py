"""What callers may say and what they hear back, one module for each contract."""
