"""Numbers, tables and the report about what a network said on the test part."""
