"""Contracts: what callers may say and what they hear back, one module for each."""
