"""Sessions that were: table, record, exchanges."""
