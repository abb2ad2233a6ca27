"""The sections of the report: one small function each, None where there is nothing to show."""
